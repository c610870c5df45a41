"""OpenAI's protocol on one connection: `Speaker`, and the forms of an answer, whole or in chunks."""

import json
import select
import socket
import struct
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any


class Speaker(BaseHTTPRequestHandler):
    """A connection, and what can be said on it."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _gone(self, seconds: float) -> bool:
        """Wait; whether the client hung up meanwhile."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _reset(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

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


def words_of(text: str) -> Iterator[str]:
    """The words, each with the space before it."""
    for i, word in enumerate(text.split(" ")):
        yield f" {word}" if i else word


def usage_of(prompt: int, answer: int) -> dict[str, int]:
    """What an answer cost, as OpenAI tells it."""
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A part of an answer in a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_head(model, "chat.completion.chunk"), "choices": [choice]}


def completion(model: str, text: str, usage: dict[str, int]) -> dict[str, Any]:
    """A whole answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {**_head(model, "chat.completion"), "choices": [choice], "usage": usage}


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-loopback", "object": kind, "created": int(time.time()), "model": model}
