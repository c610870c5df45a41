"""Makes processes in a few milliseconds: everything is imported once, then each child is a fork.

Run as `python -m scripts.chaosing.nursery SOCKET MODEL`: for every byte on standard input there is one child,
which reports at the socket. It has no threads, so that to fork is safe; the parent of a run has many.
"""

import asyncio
import functools
import gc
import os
import signal
import ssl
import sys
import warnings

# No trial speaks TLS, but every client reads all certificates: 20 ms for each child.
ssl.create_default_context = functools.cache(ssl.create_default_context)

from graph import Settings  # noqa: E402 - after that
from graph.model import open_models  # noqa: E402
from scripts.chaosing import child  # noqa: E402


def main(socket: str, model: str) -> None:
    """Fork until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: the kernel may bury the dead
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_warm_up(model))
    gc.freeze()
    while os.read(0, 1):
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(0)
            try:
                child.main(socket)
            finally:
                os._exit(0)


async def _warm_up(model: str) -> None:
    """Much is imported and made late, at the first question."""
    warnings.simplefilter("ignore", ResourceWarning)
    await open_models(Settings.read(openai_base_url=model)).answer.ainvoke("Warm up.")


if __name__ == "__main__":
    main(*sys.argv[1:])
