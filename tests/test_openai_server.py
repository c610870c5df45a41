"""The model server as a command, as a stranger runs it."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

SECRET = "the walrus sleeps at noon"


def test_the_server_runs_by_itself(tmp_path: Path) -> None:
    """`python -m tests.openai_server` answers, counts and keeps a log."""
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "tests.openai_server", "--port", "0", "--delay", "0", "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip().removeprefix("OPENAI_BASE_URL=")
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": SECRET}]}).encode()
            request = urllib.request.Request(f"{url}/chat/completions", body)
            with urllib.request.urlopen(request) as response:
                answer = json.load(response)
            with urllib.request.urlopen(f"{url}/models") as response:
                assert json.load(response)["data"]
        finally:
            process.terminate()
    assert SECRET in answer["choices"][0]["message"]["content"]
    (line,) = log.read_text().splitlines()
    assert json.loads(line)["tokens"] == answer["usage"]["prompt_tokens"]
