"""A server on 127.0.0.1 that speaks OpenAI's protocol, counts with the real vocabulary and fails on demand.

    with ModelServer(limit=2000) as server:
        server.url                                   # OPENAI_BASE_URL
        server.fault = Fault("status", 429, times=2) # the next two requests
        server.requests[-1].tokens                   # what the last prompt really cost

or `python -m tests.openai_server --port 8001 [--limit TOKENS] [--log FILE]`. It answers as the demo model.
"""

import argparse
import json
import select
import socket
import struct
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self, cast

from langchain_core.messages import BaseMessage, convert_to_messages

from graph.demo_model import DemoModel, asks_summary

with warnings.catch_warnings():  # it reads its tables by a deprecated call
    warnings.simplefilter("ignore", DeprecationWarning)
    from bpe_openai import get_encoding  # pyright: ignore[reportMissingTypeStubs]

Kind = Literal[
    "status",  # refuse with `status`
    "garbage",  # 200, and a page of HTML
    "garbage_midway",  # a stream that stops being JSON after `after` words
    "error_midway",  # a stream with an error object in it after `after` words
    "hang",  # not a byte, until the client hangs up
    "hang_midway",  # silence after `after` words
    "drop",  # reset the connection before a byte
    "drop_midway",  # reset the connection after `after` words
    "cut_midway",  # end the stream properly after `after` words, without its last words
    "nul",  # a NUL and a lone surrogate in the answer
    "empty",  # an answer without a word
]
OVERHEAD, IMAGE = 3, 765  # tokens of a message beside its role and text; of an image
LIMIT_TEXT = (
    "This model's maximum context length is {limit} tokens. However, you requested {asked} tokens "
    "({tokens} in the messages, {answer} in the completion). The conversation began: {quote}"
)


@dataclass
class Fault:
    """What goes wrong with the next `times` requests (None: all), of one kind only if `only` is given."""

    kind: Kind
    status: int = 500
    times: int | None = None
    only: Literal["answers", "summaries"] | None = None
    after: int = 3


@dataclass
class Received:
    """One request. `tokens` is its prompt's real size; `left` says that the client hung up before the end."""

    tokens: int
    messages: list[dict[str, Any]]
    stream: bool
    model: str
    max_tokens: int | None
    summary: bool = False
    key: str = ""
    status: int = 0
    words: int = 0
    left: bool = False
    at: float = field(default_factory=time.monotonic)


class ModelServer:
    """The server, while in `with`. `words` fills or cuts answers to that many, `delay` is seconds a word."""

    def __init__(
        self,
        *,
        port: int = 0,
        limit: int | None = None,
        words: int | None = None,
        delay: float = 0.0,
        log: Path | None = None,
    ) -> None:
        self.limit, self.words, self.delay, self.log = limit, words, delay, log
        self.requests: list[Received] = []
        self.fault: Fault | None = None
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.model = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL wants."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def answers(self) -> list[Received]:
        """The requests that asked for an answer."""
        return [r for r in self.requests if not r.summary]

    @property
    def summaries(self) -> list[Received]:
        """The requests that asked for a summary."""
        return [r for r in self.requests if r.summary]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Serve until interrupted."""
        self._thread.join()

    def take(self, received: Received) -> Fault | None:
        """Record a request; the fault it meets, if any."""
        with self._lock:
            self.requests.append(received)
            fault = self.fault
            if not fault or (fault.only and (fault.only == "summaries") != received.summary):
                return None
            if fault.times is not None:
                fault.times -= 1
                self.fault = fault if fault.times else None
            return fault

    def write(self, received: Received) -> None:
        """One line of JSON in the log, once the request is over."""
        if self.log:
            with self._lock, self.log.open("a") as file:
                file.write(json.dumps({**asdict(received), "key": bool(received.key)}) + "\n")


def count_prompt(messages: list[dict[str, Any]]) -> int:
    """Tokens of a prompt as OpenAI counts them for its o200k models."""
    return 3 + sum(map(_count_message, messages))


def _count_message(message: dict[str, Any]) -> int:
    tokens = OVERHEAD + _count(message.get("role", ""))
    content: Any = message.get("content") or ""
    parts: list[dict[str, Any]] = [{"text": content}] if isinstance(content, str) else content
    tokens += sum(_count(part["text"]) if "text" in part else IMAGE for part in parts)
    if name := message.get("name"):
        tokens += _count(name) + 1
    if calls := message.get("tool_calls"):
        tokens += _count(json.dumps(calls, ensure_ascii=False))
    return tokens


def _count(text: str) -> int:
    return len(_vocabulary().encode_ordinary(text.encode(errors="replace").decode()))


@cache
def _vocabulary() -> Any:
    return get_encoding("o200k_base")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    model: ModelServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path.rstrip("/") == "/v1/models":
            self._json({"object": "list", "data": [{"id": "loopback", "object": "model"}]})
        else:
            self._error(404, "No such address.", "not_found")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.rstrip("/") != "/v1/chat/completions":
            self._error(404, "No such address.", "not_found")
            return
        try:
            asked = cast(dict[str, Any], json.loads(body))
            prompt = convert_to_messages(asked["messages"])
            received = self._received(asked, asks_summary(prompt))
        except (ValueError, KeyError, TypeError, NotImplementedError) as e:
            self._error(400, f"Malformed request: {type(e).__name__}.", "invalid_request")
            return
        fault = self.server.model.take(received)
        try:
            self._serve(asked, prompt, received, fault)
        except (ConnectionError, TimeoutError):
            received.left = True
            self.close_connection = True
        finally:
            self.server.model.write(received)

    def _received(self, asked: dict[str, Any], summary: bool) -> Received:
        return Received(
            tokens=count_prompt(asked["messages"]),
            messages=asked["messages"],
            stream=bool(asked.get("stream")),
            model=str(asked.get("model", "")),
            max_tokens=asked.get("max_completion_tokens") or asked.get("max_tokens"),
            summary=summary,
            key=self.headers.get("Authorization", "").removeprefix("Bearer "),
        )

    def _serve(
        self, asked: dict[str, Any], prompt: list[BaseMessage], received: Received, fault: Fault | None
    ) -> None:
        kind = fault.kind if fault else None
        answer, limit = received.max_tokens or 0, self.server.model.limit
        if fault and kind == "status":
            self._refuse(received, fault.status)
        elif kind == "hang":
            self._hang(received)
        elif kind == "drop":
            self._reset()
        elif kind == "garbage":
            received.status = 200
            self._body(200, "text/html", b"<html><body>Sign in to the hotel's network</body></html>")
        elif limit is not None and received.tokens + answer > limit:
            self._too_long(received, limit, answer)
        else:
            received.status = 200
            self._reply(asked, received, self._answer(prompt, received, kind), fault)

    def _reply(self, asked: dict[str, Any], received: Received, text: str, fault: Fault | None) -> None:
        usage = _usage(received.tokens, _count(text))
        options: dict[str, Any] = asked.get("stream_options") or {}
        if received.stream:
            self._stream(received, text, usage if options.get("include_usage") else None, fault)
        else:
            self._json(_completion(received.model, text, usage))

    def _answer(self, prompt: list[BaseMessage], received: Received, kind: str | None) -> str:
        if kind == "empty":
            return ""
        text = DemoModel(delay=0).invoke(prompt, max_tokens=received.max_tokens).text
        if (words := self.server.model.words) and not received.summary:
            filled = text.split() + [f"word{i}" for i in range(words)]
            text = " ".join(filled[:words])
        return f"{text} before\0after \ud800 end" if kind == "nul" else text

    def _stream(
        self, received: Received, text: str, usage: dict[str, int] | None, fault: Fault | None
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._event(_chunk(received.model, {"role": "assistant", "content": ""}))
        for word in _words(text):
            if fault and received.words >= fault.after and not self._go_on(received, fault):
                return
            if self._gone(self.server.model.delay):
                raise ConnectionResetError
            self._event(_chunk(received.model, {"content": word}))
            received.words += 1
        self._event(_chunk(received.model, {}, "stop"))
        if usage:
            self._event({**_chunk(received.model, {}), "choices": [], "usage": usage})
        self._data(b"data: [DONE]\n\n")
        self._data(b"")

    def _go_on(self, received: Received, fault: Fault) -> bool:
        """Meet a fault in the middle of a stream; whether the stream goes on after it."""
        match fault.kind:
            case "garbage_midway":
                self._data(b"data: <html>504 Gateway \xff\xfe</html>\n\n")
            case "error_midway":
                quote = received.messages[-1].get("content")
                self._event({"error": {"message": f"Overloaded while answering {quote}", "code": 500}})
            case "hang_midway":
                self._hang(received)
            case "drop_midway":
                self._reset()
            case "cut_midway":
                pass
            case _:
                return True
        if fault.kind not in ("hang_midway", "drop_midway"):
            self._data(b"")
        return False

    def _hang(self, received: Received) -> None:
        while not self.server.model.closing.is_set():
            if self._gone(0.02):
                received.left = True
                break
        self.close_connection = True

    def _gone(self, seconds: float) -> bool:
        """Wait; whether the client hung up meanwhile."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _refuse(self, received: Received, status: int) -> None:
        received.status = status
        # As real servers do: some quote the key, some the message.
        quote = f"Status {status} for key {received.key}: {received.messages[-1].get('content')}"
        self._error(status, quote, "refused")

    def _too_long(self, received: Received, limit: int, answer: int) -> None:
        received.status = 400
        quote = received.messages[-1].get("content")
        asked = received.tokens + answer
        text = LIMIT_TEXT.format(limit=limit, asked=asked, tokens=received.tokens, answer=answer, quote=quote)
        self._error(400, text, "context_length_exceeded")

    def _error(self, status: int, message: str, code: str) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        self._json({"error": error}, status)

    def _json(self, value: Any, status: int = 200) -> None:
        self._body(status, "application/json", json.dumps(value).encode())

    def _body(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _event(self, value: Any) -> None:
        self._data(b"data: " + json.dumps(value).encode() + b"\n\n")  # ASCII: a lone surrogate as its escape

    def _data(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def _words(text: str) -> Iterator[str]:
    for i, word in enumerate(text.split(" ")):
        yield f" {word}" if i else word


def _usage(prompt: int, answer: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_head(model, "chat.completion.chunk"), "choices": [choice]}


def _completion(model: str, text: str, usage: dict[str, int]) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {**_head(model, "chat.completion"), "choices": [choice], "usage": usage}


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-loopback", "object": kind, "created": int(time.time()), "model": model}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="tests.openai_server", description=(__doc__ or "").splitlines()[0])
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
