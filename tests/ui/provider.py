"""An OpenID provider on loopback, in real HTTP, that can be told to lie: `Provider`."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT = "longthread-page"


class Provider:
    """Signs in whoever comes as `subject`. `claims` replaces parts of its word, `state` the state."""

    def __init__(self) -> None:
        self.key = self.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
        self.subject, self.claims, self.state = "ada", {}, ""
        self.codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if url.path == "/authorize":
                    self._to(provider.authorize(dict(parse_qsl(url.query))))
                elif url.path == "/jwks":
                    self._json(KeySet([provider.key]).as_dict(private=False))
                else:
                    self._json(provider.about())

            def do_POST(self) -> None:
                sent = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                told = provider.token({name: values[0] for name, values in sent.items()})
                self._json(told, 400 if "error" in told else 200)

            def _to(self, url: str) -> None:
                self.send_response(302)
                self.send_header("location", url)
                self.send_header("content-length", "0")
                self.end_headers()

            def _json(self, value: Any, status: int = 200) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.issuer = self.url

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def about(self) -> dict[str, Any]:
        ends = {f"{what}_endpoint": f"{self.url}/{what}" for what in ("token", "end_session")}
        ends["authorization_endpoint"] = f"{self.url}/authorize"
        return {"issuer": self.issuer, "jwks_uri": f"{self.url}/jwks", **ends}

    def authorize(self, asked: dict[str, str]) -> str:
        assert asked["client_id"] == CLIENT and asked["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': self.state or asked['state']})}"

    def token(self, sent: dict[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(sent.get("code", ""), None)
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not asked or asked["code_challenge"] != challenge or asked["redirect_uri"] != sent["redirect_uri"]:
            return {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": self.subject,
            "name": "Ada L.",
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        word = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signs_with)
        return {"access_token": "x", "token_type": "Bearer", "id_token": word}
