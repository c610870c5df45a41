"""The server as a command."""

import argparse
from pathlib import Path

from tests import openai_server
from tests.openai_server.server import ModelServer


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="tests.openai_server", description=(openai_server.__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--limit", type=int, help="tokens of a prompt and its answer together")
    parser.add_argument("--words", type=int, help="words of each answer")
    parser.add_argument("--delay", type=float, default=0.02, help="seconds before each word")
    parser.add_argument("--log", type=Path, help="a line of JSON for each request is added to this file")
    with ModelServer(**vars(parser.parse_args())) as server:
        print(f"OPENAI_BASE_URL={server.url}", flush=True)  # noqa: T201 - a command
        try:
            server.wait()
        except KeyboardInterrupt:
            largest = max((r.tokens for r in server.requests), default=0)
            refused = sum(r.status >= 400 for r in server.requests)
            print(f"\n{len(server.requests):,} requests, {refused:,} refused")  # noqa: T201 - a command
            print(f"largest prompt {largest:,} tokens")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
