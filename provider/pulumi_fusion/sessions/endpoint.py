"""The loopback side of a session: what a child sees of the service, and all that it has for a credential.

The child holds a synthetic netosecret that works here alone. The endpoint answers its token exchange itself, adds the
real token to what it lets through, and is gone when the session ends: the revocation that the service does not have.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import re
import resource
import secrets
import socket
import socketserver
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import jwt

from pulumi_fusion.api.answers import Relayed
from pulumi_fusion.errors import FusionError, NotSent, OutOfBounds, SessionEnded, Unauthorized
from pulumi_fusion.forking import Lock, close_in_child
from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.bodies import Body, SizedBody, chunks, exactly
from pulumi_fusion.sessions.bounds import TOKEN_ROUTE
from pulumi_fusion.sessions.terms import KEY_PREFIX

__all__ = ["Endpoint"]

# Headers that cannot change what a request is: X-HTTP-Method-Override and its like would make a write of a read. All
# that guard a write are among them: without If-Match it would overwrite what somebody else changed. Range is not, as a
# server may ignore it (RFC 9110, 14.2): the token is masked in whole answers, and could be fetched in parts.
_PASSED_ON: Final = (
    "accept",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "prefer",
    "user-agent",
)
# Of these a request has one; all others are lists, whose lines count together (RFC 9110, 5.3).
_SINGLE: Final = frozenset(
    {"content-type", "idempotency-key", "if-modified-since", "if-unmodified-since", "user-agent"}
)
_LARGEST_JWT: Final = 64 * 1024
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")


class Endpoint:
    """A server on 127.0.0.1 for one session; ``netosecret`` is the credential that it takes.

    Bound when it is made, so that who connects early waits; it answers from :meth:`start` to :meth:`close`.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.endpoint = self
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._keys = {"appname": f"{KEY_PREFIX}{access.id[:8]}", "appkey": secrets.token_hex(16)}
        self._shared = Secret(secrets.token_hex(32))
        self._token = Secret(self._issue())
        self.netosecret = Secret(self._encoded())
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._serving.start()

    def close(self) -> None:
        """Stop answering; whatever is under way breaks off, and the port is free."""
        if self._serving.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._server.break_off()

    def _encoded(self) -> str:
        """As the portal writes it, padded, for the vendor's own client takes no other.

        https://docs.netography.com/reference/netosecret
        """
        fields = {"url": f"{self.url}/api/v1", "shortname": self.access.customer.shortname, **self._keys}
        text = json.dumps({**fields, "sharedsecret": self._shared.reveal()}, indent=2)
        return base64.b64encode(text.encode()).decode()

    def _issue(self) -> str:
        """A token of the usual shape that means nothing to the service."""
        claims = {"typ": "Bearer", "shortname": self.access.customer.shortname, "jti": secrets.token_hex(16)}
        return jwt.encode(claims, secrets.token_hex(32), algorithm="HS256")

    def exchange(self, body: bytes) -> dict[str, Any]:
        """The answer to a request token that was signed with the synthetic secret.

        Raises Unauthorized, or OutOfBounds for a claim to another account.
        """
        try:
            signed = json.loads(body)["jwt"]
            # The vendor's samples carry jti as a number and iat as text, which PyJWT refuses unless told otherwise.
            options: Any = {"verify_jti": False, "verify_iat": False}
            claims = jwt.decode(signed, self._shared.reveal(), algorithms=["HS256"], options=options)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, jwt.PyJWTError):
            raise self._unauthorized() from None
        for name, value in self._keys.items():
            if not hmac.compare_digest(str(claims.get(name)).encode(errors="replace"), value.encode()):
                raise self._unauthorized()
        if claims.get("shortname") != self.access.customer.shortname:
            raise OutOfBounds(
                "get an access token",
                f"this session is inside {self.access.customer.shortname!r} and nowhere else",
                next_step="Leave the session to work in another account.",
            )
        left = int(self.access.term.remaining())
        return {"access_token": self._token.reveal(), "expires_in": left, "token_type": "bearer"}

    def authenticate(self, header: str | None) -> None:
        """Raises Unauthorized for anything but the session's own token."""
        scheme, _, token = (header or "").partition(" ")
        known = hmac.compare_digest(token.strip().encode(), self._token.reveal().encode())
        if scheme.lower() != "bearer" or not known:
            raise self._unauthorized()

    def _unauthorized(self) -> Unauthorized:
        return Unauthorized(
            "use the session", "this is not its credential", next_step="Use NETOSECRET of this session's environment."
        )


def _most_connections() -> int:
    """Whoever opened more would take the descriptors that the end of the session and its audit need.

    Each connection may need another one to the service.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 500 if limit == resource.RLIM_INFINITY else max(1, min(500, (limit - 64) // 2))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # An asynchronous client opens a hundred at once; each that finds no place here waits a second and more.
    request_queue_size = 128
    endpoint: Endpoint

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._most = _most_connections()
        super().__init__(*args)
        close_in_child(self.socket)  # a forked child would keep the port open

    def server_bind(self) -> None:
        """Bind without the name of the address, for which HTTPServer asks DNS and waits."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._lock:
            if len(self._open) >= self._most:
                return False
            self._open.add(request)
        close_in_child(request)
        return True

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._lock:
            self._open.discard(request)

    def break_off(self) -> None:
        with self._lock:
            hanging = tuple(self._open)
        for each in hanging:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A child that leaves in the middle is no news, and stderr belongs to it."""


_STATUS: Final[tuple[tuple[type[FusionError], int], ...]] = (
    (Unauthorized, 401),
    (OutOfBounds, 403),
    (SessionEnded, 403),
    (NotSent, 503),
)


class _Handler(BaseHTTPRequestHandler):
    """One connection of the child."""

    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 300

    def handle_one_request(self) -> None:
        # Called by the name of the method, whichever it is: what may be asked is decided in one place.
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or len(self.raw_requestline) > 65536:
            self.close_connection = True
            return
        # Before the line is parsed as Latin-1, whose letters would be encoded as UTF-8 once more on the way out.
        self.raw_requestline = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], self.raw_requestline)
        if not self.parse_request():
            self.close_connection = True
            return
        try:
            self._answer()
        except FusionError as failure:
            self._refuse(failure)
        self.wfile.flush()

    def _answer(self) -> None:
        endpoint = self.server.endpoint
        # A name that resolves to loopback (DNS rebinding) would let a web page in; another host is none of ours.
        if self.headers.get("Host", "") not in (f"127.0.0.1:{endpoint.port}", f"localhost:{endpoint.port}"):
            raise OutOfBounds("pass the request on", "it is meant for another host", next_step="Nothing was sent.")
        body = self._body()
        if self.command == "POST" and self.path == TOKEN_ROUTE:
            self._json(200, endpoint.exchange(body.read(_LARGEST_JWT) if body else b""))
            return
        endpoint.authenticate(self.headers.get("Authorization"))
        headers = {name: self._header(name) for name in _PASSED_ON if name in self.headers}
        if self.command == "POST" and not endpoint.access.terms.write:
            # A query is JSON; of a form's fields one could name another method.
            headers["content-type"] = "application/json"
        client, term = endpoint.access.client, endpoint.access.term
        with client.relay(self.command, self.path, headers, body, term) as answer:
            if 300 <= answer.status < 400 and answer.status != HTTPStatus.NOT_MODIFIED:
                raise OutOfBounds(
                    "pass the answer on", "the service redirects elsewhere", next_step="It is not followed."
                )
            self._let_through(answer)

    def _header(self, name: str) -> str:
        lines: list[str] = self.headers.get_all(name, [])
        return lines[0] if name in _SINGLE else ", ".join(lines)

    def _body(self) -> Body | None:
        if "Transfer-Encoding" in self.headers:
            if [each.strip().lower() for each in self.headers.get_all("Transfer-Encoding", [])] != ["chunked"]:
                # Of "gzip, chunked" the chunks alone would be undone, and nothing would say that the rest is gzip.
                self.close_connection = True
                raise OutOfBounds(
                    "pass the request on",
                    "its Transfer-Encoding is not chunked alone",
                    next_step="Nothing was sent. Say Content-Encoding for a body that is compressed.",
                )
            return Body(chunks(self.rfile))
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal() and len(length) < 20):
            self.close_connection = True
            raise OutOfBounds("pass the request on", "its Content-Length is none", next_step="Nothing was sent.")
        return SizedBody(exactly(self.rfile, int(length)), int(length)) if int(length) else None

    def _let_through(self, answer: Relayed) -> None:
        # In chunks it shows where an answer was cut short; before HTTP/1.1 the end of the connection is its end.
        chunked = answer.has_body and answer.length is None and self.request_version == "HTTP/1.1"
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.length is not None and answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(answer.length))
        elif answer.has_body:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        try:
            for chunk in answer.chunks:
                if answer.has_body and chunk:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
            if chunked:
                self.wfile.write(b"0\r\n\r\n")
        except FusionError:
            self.close_connection = True  # the head is out: an answer cut short is all that can be said

    def _refuse(self, failure: FusionError) -> None:
        status = next((status for kind, status in _STATUS if isinstance(failure, kind)), 502)
        # What is left of a body would be read as the next request.
        self.close_connection = True
        self._json(status, {"status": status, "name": "Masquerade", "message": str(failure)})

    def _json(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """stderr belongs to the child; the audit counts."""
