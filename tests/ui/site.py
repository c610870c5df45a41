"""The page in a process of its own, and the browser in front of it: `Site`, `browser`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Site:
    """`python -m ui.app` in a process of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self.log = folder / f"page-{self.port}.log"

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The process, from when it answers; stopped as Ctrl+C does."""
        command = [sys.executable, "-m", "ui.app", "--port", str(self.port)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                self._wait(process)
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=10)

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        for _ in range(300):
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return
            assert process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())


@contextmanager
def browser() -> Iterator[Browser]:
    """This machine's Chromium, which looks up nothing by itself."""
    program = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        yield chromium
        chromium.close()
