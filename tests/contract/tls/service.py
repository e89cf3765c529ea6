"""A server that speaks TLS on loopback, with a certificate that no system trusts."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).parent / "certificate.pem"
"""For 127.0.0.1, localhost and fusion.example, signed by itself. Its key is for these tests alone."""


class TlsService(ThreadingHTTPServer):
    """Grants a token and shows no customers; closes the connection instead of a response to a create.

    ``connections`` has the number of requests of each, ``posted`` the paths of the POSTs.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self.connections: list[int] = []
        self.posted: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.parent / "key.pem")
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._context.wrap_socket(request, server_side=True) as secure:
            self.connections.append(0)
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not accept the certificate is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TlsService

    def setup(self) -> None:
        super().setup()
        self._number = len(self.server.connections) - 1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(self.path)
        if self.path == "/api/v1/customer":
            self.close_connection = True
            return
        self._answer({"access_token": "a-token-that-is-long", "token_type": "bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        self._answer([])

    def _answer(self, document: Any) -> None:
        self.server.connections[self._number] += 1
        content = json.dumps(document).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def tls_service() -> Iterator[TlsService]:
    with TlsService() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()
