"""The server while it runs, what it was asked and what it answers: `ModelServer`, `Received`."""

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

from langchain_core.messages import BaseMessage, convert_to_messages

from graph.demo_model import DemoModel, asks_summary
from tests.openai_server.counting import count, count_prompt
from tests.openai_server.faults import Fault
from tests.openai_server.speaking import Speaker, chunk, completion, usage_of, words_of

LIMIT_TEXT = (
    "This model's maximum context length is {limit} tokens. However, you requested {asked} tokens "
    "({tokens} in the messages, {answer} in the completion). The conversation began: {quote}"
)


@dataclass
class Received:
    """One request. `tokens` is its prompt's real size; `left` says that the client hung up before the end."""

    tokens: int
    messages: list[dict[str, Any]]
    stream: bool
    model: str
    max_tokens: int | None
    summary: bool = False
    title: bool = False
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
        return [r for r in self.requests if not r.summary and not r.title]

    @property
    def summaries(self) -> list[Received]:
        """The requests that asked for a summary."""
        return [r for r in self.requests if r.summary]

    @property
    def titles(self) -> list[Received]:
        """The requests that asked for a title."""
        return [r for r in self.requests if r.title]

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
            kind = "summaries" if received.summary else "titles" if received.title else "answers"
            if not fault or (fault.only and fault.only != kind):
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    model: ModelServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error of ours."""


class _Handler(Speaker):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:  # noqa: N802 - as http.server calls it
        if self.path.rstrip("/") == "/v1/models":
            self._json({"object": "list", "data": [{"id": "loopback", "object": "model"}]})
        else:
            self._error(404, "No such address.", "not_found")

    def do_POST(self) -> None:  # noqa: N802 - as http.server calls it
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
            title=str(asked["messages"][0].get("content")).startswith("Write a title"),
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
        usage = usage_of(received.tokens, count(text))
        options: dict[str, Any] = asked.get("stream_options") or {}
        if received.stream:
            self._stream(received, text, usage if options.get("include_usage") else None, fault)
        else:
            self._json(completion(received.model, text, usage))

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
        self._event(chunk(received.model, {"role": "assistant", "content": ""}))
        for word in words_of(text):
            if fault and received.words >= fault.after and not self._go_on(received, fault):
                return
            if self._gone(self.server.model.delay):
                raise ConnectionResetError
            self._event(chunk(received.model, {"content": word}))
            received.words += 1
        self._event(chunk(received.model, {}, "stop"))
        if usage:
            self._event({**chunk(received.model, {}), "choices": [], "usage": usage})
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
