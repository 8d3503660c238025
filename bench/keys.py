"""Access tokens for anybody: a server that services take for the gateway, with a key of our own."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from perisai_kit.domain import clock
from perisai_kit.testing.network import ISSUER, Tokens
from sandbox.ports import HOST


@dataclass(frozen=True, slots=True)
class KeyServer:
    """variables: what a service needs to take our tokens."""

    tokens: Tokens
    variables: Mapping[str, str]


@contextmanager
def serve_keys() -> Iterator[KeyServer]:
    """Serve the keys of tokens, revocations and tokens of services in the block."""
    tokens = Tokens()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/.well-known/jwks.json"):
                self._answer(tokens.jwks())
            else:
                as_of = clock.real_now().isoformat()
                self._answer({"as_of": as_of, "kept_for_s": 660, "accounts": [], "sessions": []})

        def do_POST(self) -> None:
            token = tokens.service()["Authorization"].removeprefix("Bearer ")
            self._answer({"access_token": token, "expires_in": 600})

        def _answer(self, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://{HOST}:{server.server_port}"
    try:
        yield KeyServer(tokens, {"PERISAI_GATEWAY_URL": url, "PERISAI_ISSUER": ISSUER})
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
