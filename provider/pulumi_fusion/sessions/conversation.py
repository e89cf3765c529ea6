"""What goes over one connection of a session's endpoint: requests that are checked and passed on, and their answers."""

from __future__ import annotations

import contextlib
import io
import json
import math
import socket
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any, Final, Protocol

from pulumi_fusion.api.relayed import Relayed
from pulumi_fusion.errors import FusionError, NotSent, OutOfBounds, SessionEnded, Unauthorized
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.bodies import Body, SizedBody
from pulumi_fusion.sessions.bounds import TOKEN_ROUTE, is_change
from pulumi_fusion.sessions.connections import Connection
from pulumi_fusion.sessions.heads import Head, Malformed, read_head

__all__ = ["Authenticator", "Conversation"]

# Headers that cannot change what a request is: X-HTTP-Method-Override and its like would make a write of a read. All
# that guard a write are among them: without If-Match it would overwrite the change of another client. Range is not, as
# a server may ignore it (RFC 9110, 14.2): the token is masked in whole answers, and could be fetched in parts.
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
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LARGEST_JWT: Final = 64 * 1024

# Seconds: between two requests, for a head once it has begun, and until the client takes a piece of an answer.
_IDLE: Final = 300.0
_HEAD: Final = 10.0
_TAKEN: Final = 120.0
# What a client still sends after it was refused is read this long, since it would lose the answer otherwise.
_LINGER: Final = 1.0
_LINGER_BYTES: Final = 8 * 2**20

_STATUS: Final[tuple[tuple[type[FusionError], int], ...]] = (
    (Unauthorized, 401),
    (OutOfBounds, 403),
    (SessionEnded, 403),
    (NotSent, 503),
)


class Authenticator(Protocol):
    """Checks who asks. ``access`` is the session, ``port`` that of the endpoint."""

    access: Access
    port: int

    def exchange(self, body: bytes) -> Mapping[str, Any]:
        """Return the answer to a request token, or raise FusionError."""

    def authenticate(self, header: str | None) -> None:
        """Raise Unauthorized for anything but the session's own token."""


class Conversation:
    """One connection of a client. ``admit`` gives it a place of its own once it has authenticated."""

    def __init__(self, authenticator: Authenticator, connection: Connection, admit: Callable[[], bool]) -> None:
        self._authenticator = authenticator
        self._connection = connection
        self._admit = admit
        self._stream = io.BufferedReader(connection, 64 * 1024)
        self._is_known = self._is_over = False

    def run(self) -> None:
        """Answer until one of the two sides ends it. Raises OSError where the client has left."""
        while not self._is_over:
            head, body = None, None
            try:
                head = self._next_head()
                if head is None:
                    return
                self._is_over = head.is_last
                body = self._body(head)
                self._answer(head, body)
            except Malformed as wrong:
                self._authenticator.access.count_refused("malformed requests")
                self._refuse(head, wrong.status, f"Could not read the request: {wrong}. Nothing was passed on.")
            except FusionError as failure:
                status = next((status for kind, status in _STATUS if isinstance(failure, kind)), 502)
                self._refuse(head, status, str(failure))
            # What is left of a body would be read as the next request.
            self._is_over = self._is_over or not (body is None or body.is_over)
        self._linger()

    def _next_head(self) -> Head | None:
        if self._is_known:
            self._connection.until = time.monotonic() + _IDLE
            if not self._stream.peek(1):
                return None
            self._connection.until = time.monotonic() + _HEAD
        return read_head(self._stream)

    def _answer(self, head: Head, body: Body | None) -> None:
        # A name that resolves to loopback (DNS rebinding) would let a web page in.
        if head.value("host") not in (f"127.0.0.1:{self._authenticator.port}", f"localhost:{self._authenticator.port}"):
            self._authenticator.access.count_refused("other hosts")
            raise OutOfBounds("pass the request on", "it is meant for another host", next_step="Nothing was sent.")
        if head.method == "POST" and head.target == TOKEN_ROUTE:
            granted = self._authenticator.exchange(self._all_of(body))
            self._enter()
            self._reply(head, 200, granted)
        else:
            self._authenticator.authenticate(head.value("authorization"))
            self._enter()
            self._pass_on(head, body)

    def _enter(self) -> None:
        if not self._is_known and not self._admit():
            raise NotSent("use the session", "it has too many connections at once", next_step="Close some, or wait.")
        self._is_known = True
        self._connection.until = math.inf

    def _pass_on(self, head: Head, body: Body | None) -> None:
        if body is not None and head.method in _WITHOUT_BODY:
            # A server that overlooks it reads it as the next request; and without it, a request that means to search
            # by its body would be answered as one for everything. So it is neither passed on nor dropped.
            raise Malformed(400, f"a {head.method} with a body is read differently by different servers")
        access = self._authenticator.access
        with access.client.relay(head.method, head.target, self._headers(head), body, access.term) as answered:
            if 300 <= answered.status < 400 and answered.status != HTTPStatus.NOT_MODIFIED:
                raise OutOfBounds(
                    "pass the answer on", "the service redirects elsewhere", next_step="It is not followed."
                )
            self._let_through(head, answered)

    def _body(self, head: Head) -> Body | None:
        length, waits = head.body_length(), head.waits

        def begin() -> None:
            if waits:
                self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n", _TAKEN)

        if length is None:
            return Body(self._stream, begin)
        return SizedBody(self._stream, begin, length) if length else None

    @staticmethod
    def _all_of(body: Body | None) -> bytes:
        content = body.read(_LARGEST_JWT + 1) if body else b""
        if len(content) > _LARGEST_JWT:
            raise Malformed(413, f"it is larger than {_LARGEST_JWT // 1024} KiB, and a request token never is")
        return content

    def _headers(self, head: Head) -> dict[str, str]:
        headers = {}
        for name in _PASSED_ON:
            if values := head.values(name):
                headers[name] = values[0] if name in _SINGLE else ", ".join(values)
        if head.method == "POST" and not is_change(head.method, head.target):
            # A query is JSON; of a form's fields one could name another method, and what counts as a read would write.
            headers["content-type"] = "application/json"
        return headers

    # What the client gets.

    def _let_through(self, head: Head, answer: Relayed) -> None:
        fields = dict(answer.headers)
        # In chunks it shows where an answer was cut short; before HTTP/1.1 the end of the connection is its end.
        chunked = answer.has_body and answer.length is None and head.version == "1.1"
        if chunked:
            fields["Transfer-Encoding"] = "chunked"
        elif answer.length is not None and answer.status != HTTPStatus.NO_CONTENT:
            fields["Content-Length"] = str(answer.length)
        elif answer.has_body:
            self._is_over = True
        self._send_head(answer.status, fields)
        try:
            for piece in answer.chunks:
                if answer.has_body and piece:
                    self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                self._send(b"0\r\n\r\n")
        except FusionError:
            self._is_over = True  # the head is out: an answer that is visibly cut short is all that can be given

    def _refuse(self, head: Head | None, status: int, message: str) -> None:
        self._is_over = True
        self._reply(head, status, {"status": status, "name": "Masquerade", "message": message})

    def _reply(self, head: Head | None, status: int, document: Mapping[str, Any]) -> None:
        content = json.dumps(document).encode()
        self._send_head(status, {"Content-Type": "application/json", "Content-Length": str(len(content))})
        if head is None or head.method != "HEAD":
            self._send(content)

    def _send_head(self, status: int, fields: Mapping[str, str]) -> None:
        lines = [
            f"HTTP/1.1 {status} {responses.get(status, '')}",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        if self._is_over:
            lines.append("Connection: close")
        self._send("".join(f"{each}\r\n" for each in (*lines, "")).encode("latin-1"))

    def _send(self, data: bytes) -> None:
        self._connection.send(data, _TAKEN)

    def _linger(self) -> None:
        """End the connection so that the client can still read the answer, whatever it sends."""
        end, left = time.monotonic() + _LINGER, _LINGER_BYTES
        with contextlib.suppress(OSError):
            self._connection.socket.shutdown(socket.SHUT_WR)
            while left > 0:
                self._connection.socket.settimeout(max(0.001, end - time.monotonic()))
                left -= len(self._connection.socket.recv(64 * 1024) or b"-" * left)
