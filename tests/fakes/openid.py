"""An OpenID Connect provider on this machine, with keys of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "usance-console"


class OpenIdServer:
    """`issuer` answers discovery, keys, and the codes put into `codes` (code: ID token)."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self.codes: dict[str, str] = {}
        self.forms: list[dict[str, list[str]]] = []
        self.issuer = ""

    def token(self, now: datetime, *, key: Any = None, kid: str = "1", **claims: Any) -> str:
        """A signed ID token; claims given as None are left out."""
        body = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "1",
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            "email_verified": True,
            **claims,
        }
        kept = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm="RS256", headers={"kid": kid})

    def answer(self, path: str, form: dict[str, list[str]] | None) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint": f"{self.issuer}/token",
            }
        if path == "/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}
        assert form is not None
        self.forms.append(form)
        code = form["code"][0]
        return (200, {"id_token": self.codes[code]}) if code in self.codes else (400, {"error": "invalid_grant"})


@contextmanager
def openid_server() -> Iterator[OpenIdServer]:
    """A provider that runs until the block ends."""
    provider = OpenIdServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def _answer(self, form: dict[str, list[str]] | None) -> None:
            status, body = provider.answer(self.path, form)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
