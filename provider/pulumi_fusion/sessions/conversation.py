"""What a session's endpoint does with the requests of one connection: check them, pass them on, and respond."""

from __future__ import annotations

import contextlib
import io
import json
import math
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any, Final

from pulumi_fusion.api.relayed import Relayed
from pulumi_fusion.errors import FusionError, NotSent, OutOfBounds, SessionEnded, Unauthorized
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.bounds import TOKEN_ROUTE, is_change
from pulumi_fusion.sessions.connection import Connection
from pulumi_fusion.sessions.credential import SessionCredential
from pulumi_fusion.sessions.reading import MalformedError, Request

__all__ = ["Conversation"]

# Headers that can't change what a request does: X-HTTP-Method-Override and its like would turn a read into a write. All
# that guard a write are among them: without If-Match it would overwrite the change of another client. Range is not, as
# a server may ignore it (RFC 9110, 14.2): the token is masked in whole responses, and could be fetched in parts.
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

# Seconds: between two requests, for a head once it has begun, and until the client has received a piece of a response.
_IDLE: Final = 300.0
_HEAD: Final = 10.0
_SENT: Final = 120.0
# After a refusal, what the client still sends is read this long, since it would lose the response otherwise.
_LINGER: Final = 1.0
_LINGER_BYTES: Final = 8 * 2**20

_STATUS: Final[tuple[tuple[type[FusionError], int], ...]] = (
    (Unauthorized, 401),
    (OutOfBounds, 403),
    (SessionEnded, 403),
    (NotSent, 503),
)


class Conversation:
    """The requests of one connection. ``admit`` gives it a lasting place once it has authenticated."""

    def __init__(
        self, access: Access, credential: SessionCredential, connection: Connection, admit: Callable[[], bool]
    ) -> None:
        self._access = access
        self._credential = credential
        self._connection = connection
        self._admit = admit
        self._stream = io.BufferedReader(connection, 64 * 1024)
        self._is_authenticated = self._is_last = False

    def run(self) -> None:
        """Respond until one of the two sides ends the connection. Raises OSError if the client has left."""
        while not self._is_last and self._has_more():
            request = Request(self._stream)
            try:
                request.read_head()
                self._is_last = request.is_last
                self._respond(request)
            except MalformedError as wrong:
                self._access.count_refused(wrong.kind)
                self._refuse(request, wrong.status, f"Could not read the request: {wrong}. Nothing was passed on.")
            except FusionError as failure:
                status = next((status for kind, status in _STATUS if isinstance(failure, kind)), 502)
                self._refuse(request, status, str(failure))
            # The rest of a body would be read as the next request.
            self._is_last = self._is_last or not request.is_whole
        self._linger()

    def _has_more(self) -> bool:
        """Wait for the next request; until the client has authenticated, its connection has its own limit."""
        if self._is_authenticated:
            self._connection.until = time.monotonic() + _IDLE
        has_more = bool(self._stream.peek(1))
        if self._is_authenticated:
            self._connection.until = time.monotonic() + _HEAD
        return has_more

    def _respond(self, request: Request) -> None:
        # A name that resolves to loopback (DNS rebinding) would let a web page in.
        if request.value("host") not in self._credential.hosts:
            self._access.count_refused("other hosts")
            raise OutOfBounds("pass the request on", "it is meant for another host", next_step="Nothing was sent.")
        if request.method == "POST" and request.target == TOKEN_ROUTE:
            granted = self._credential.exchange(self._whole_body(request))
            self._enter()
            self._reply(request, 200, granted)
        else:
            self._credential.authenticate(request.value("authorization"))
            self._enter()
            self._pass_on(request)

    def _enter(self) -> None:
        if not self._is_authenticated and not self._admit():
            raise NotSent("use the session", "it has too many connections at once", next_step="Close some, or wait.")
        self._is_authenticated = True
        self._connection.until = math.inf

    def _pass_on(self, request: Request) -> None:
        if request.length != 0 and request.method in _WITHOUT_BODY:
            # A server that ignores the body reads it as the next request; and without it, a request that searches by
            # its body would be answered as one for everything. So it is neither passed on nor dropped.
            raise MalformedError(400, f"a {request.method} with a body is read differently by different servers")
        with self._access.client.relay(
            request.method, request.target, _headers(request), self._body(request), self._access.term
        ) as response:
            if 300 <= response.status < 400 and response.status != HTTPStatus.NOT_MODIFIED:
                raise OutOfBounds(
                    "pass the answer on", "the service redirects elsewhere", next_step="It is not followed."
                )
            self._pass_back(request, response)

    def _body(self, request: Request) -> _Body | None:
        def read(size: int) -> bytes:
            return self._read(request, size)

        if request.length is None:
            return _Body(read)
        return _SizedBody(read, request.length) if request.length else None

    def _read(self, request: Request, size: int) -> bytes:
        if request.expects_continue and not request.is_whole:
            request.expects_continue = False
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return request.read(size)

    def _whole_body(self, request: Request) -> bytes:
        content = self._read(request, _LARGEST_JWT + 1)
        if len(content) > _LARGEST_JWT:
            raise MalformedError(413, f"it is larger than {_LARGEST_JWT // 1024} KiB, and a request token never is")
        return content

    # What the client gets.

    def _pass_back(self, request: Request, response: Relayed) -> None:
        fields = dict(response.headers)
        # Chunks show where a response was cut short; before HTTP/1.1 the end of the connection is its end.
        chunked = response.has_body and response.length is None and request.is_http_1_1
        if chunked:
            fields["Transfer-Encoding"] = "chunked"
        elif response.length is not None and response.status != HTTPStatus.NO_CONTENT:
            fields["Content-Length"] = str(response.length)
        elif response.has_body:
            self._is_last = True
        self._send_head(response.status, fields)
        try:
            for piece in response.chunks:
                if response.has_body and piece:
                    self._send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                self._send(b"0\r\n\r\n")
        except FusionError:
            self._is_last = True  # the head was sent, so the response can only be cut short visibly

    def _refuse(self, request: Request, status: int, message: str) -> None:
        self._is_last = True
        self._reply(request, status, {"status": status, "name": "Masquerade", "message": message})

    def _reply(self, request: Request, status: int, document: Mapping[str, Any]) -> None:
        content = json.dumps(document).encode()
        self._send_head(status, {"Content-Type": "application/json", "Content-Length": str(len(content))})
        if request.method != "HEAD":
            self._send(content)

    def _send_head(self, status: int, fields: Mapping[str, str]) -> None:
        lines = [
            f"HTTP/1.1 {status} {responses.get(status, '')}",
            *(f"{name}: {value}" for name, value in fields.items()),
            *(["Connection: close"] if self._is_last else []),
        ]
        self._send("".join(f"{each}\r\n" for each in (*lines, "")).encode("latin-1"))

    def _send(self, data: bytes) -> None:
        self._connection.send(data, _SENT)

    def _linger(self) -> None:
        """End the connection so that the client can still read the response, whatever it sends."""
        end, left = time.monotonic() + _LINGER, _LINGER_BYTES
        with contextlib.suppress(OSError):
            self._connection.socket.shutdown(socket.SHUT_WR)
            while left > 0:
                self._connection.socket.settimeout(max(0.001, end - time.monotonic()))
                left -= len(self._connection.socket.recv(64 * 1024) or b"-" * left)


class _Body:
    """A body in chunks, read while it is sent on: all that ``requests`` asks of a stream."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(64 * 1024), b"")


class _SizedBody(_Body):
    """A body whose length is known."""

    def __init__(self, read: Callable[[int], bytes], length: int) -> None:
        super().__init__(read)
        self._length = length

    def __len__(self) -> int:
        return self._length


def _headers(request: Request) -> dict[str, str]:
    headers = {}
    for name in _PASSED_ON:
        if values := request.fields.get(name):
            headers[name] = values[0] if name in _SINGLE else ", ".join(values)
    if request.method == "POST" and not is_change(request.method, request.target):
        # A query is JSON; a field of a form could name another method, and what counts as a read would write.
        headers["content-type"] = "application/json"
    return headers
