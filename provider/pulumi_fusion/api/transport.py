"""Sends requests to one service and reads the responses.

Redirects are not followed and cookies are not kept, so a credential stays with its host. No timeout of ``requests``
covers a response that arrives byte by byte (https://requests.readthedocs.io/en/latest/user/advanced/#timeouts): a
:class:`~pulumi_fusion.api.exchange.Watch` breaks it off.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import requests

from pulumi_fusion.api.adapter import Connection
from pulumi_fusion.api.exchange import Exchange, Watch
from pulumi_fusion.api.failures import LIBRARY_ERRORS, explain
from pulumi_fusion.api.messages import Request, Response
from pulumi_fusion.api.network import percent_encoded
from pulumi_fusion.api.relayed import ACCEPTED_CODINGS, Relayed, passed_on
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import InDoubt, NotSent, RequestFailed
from pulumi_fusion.forking import renew_in_child
from pulumi_fusion.redaction import Secret

__all__ = ["READ_SECONDS", "Transport"]

CONNECT_SECONDS: Final = 5.0
"""How long a connection to one address of the host may take."""

READ_SECONDS = 30.0
"""How long a response may take, from the request to its last byte."""

_RELAY_READ: Final = 120.0  # seconds between two bytes of a response that is relayed; a search may take its time
_LARGEST: Final = 16 * 2**20  # bytes of one response; the longest list that is documented has 1000 accounts
_PIECE: Final = 64 * 1024

# The outcome of a POST is unknown where the service closes a connection just as it is used again. Common servers keep
# idle connections for 5 seconds or longer (https://nodejs.org/api/http.html#serverkeepalivetimeout).
IDLE_SECONDS = 4.0


class Transport:
    """Sends requests to one service; safe to use from many threads.

    Each request has a connection for itself, in the thread of the caller. Idle connections are kept for a few seconds,
    and the most recent one is used first. A forked child opens its own.

    Args:
        base_url: ``https://host[:port]``.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._watch = Watch()
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Have no connection."""
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []
        self._relays: set[Exchange] = set()

    def exchange(self, request: Request[Any], deadline: Deadline, *, token: Secret | None = None) -> Response:
        """Send the request once and return the response, whatever its status.

        Raises:
            Cancelled, DeadlineExceeded: It may not be sent any more.
            NotSent: Nothing of it was sent.
            InDoubt: It was sent, and no complete response arrived in time.
        """
        seconds = min(READ_SECONDS, deadline.read_time())
        exchange = Exchange(request.operation, deadline, shortname=request.shortname, seconds=seconds)
        body = None if request.json is None else json.dumps(request.json).encode()
        headers = {"Accept": "application/json", "User-Agent": _user_agent()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        outgoing = self._prepared(request.method, request.path, headers, body, token)
        with self._connection(exchange) as connection:
            with (
                _translated(exchange),
                connection.send(exchange, outgoing, connect=_connect_seconds(deadline), read=seconds) as response,
            ):
                content = _content(exchange, response)
            _require_whole(exchange)
            # After a 1xx the response itself is still to come, and the next request would take it for its own.
            connection.reusable = response.status_code >= 200
        received = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status_code, received, content)

    @contextmanager
    def relay(
        self, method: str, path: str, headers: Mapping[str, str], body: Any, deadline: Deadline, *, token: Secret
    ) -> Iterator[Relayed]:
        """Send the request of another client once, with this token, and pass its response on as it arrives.

        The token is masked in the response, where the service or a proxy may repeat it. That is why the response is
        decoded here. :meth:`close` breaks it off.

        ``body`` is None, or iterable and readable, with a length if that is known.

        Raises:
            NotSent, InDoubt: As :meth:`exchange` does; the chunks of the response may raise InDoubt as well.
        """
        exchange = Exchange(f"{method} {path}", deadline)
        secret = token.reveal()  # now: the end of a session clears it
        outgoing = self._prepared(method, path, headers, body, token)
        with self._connection(exchange) as connection, self._breakable(exchange):
            with _translated(exchange):
                response = connection.send(exchange, outgoing, connect=CONNECT_SECONDS, read=_RELAY_READ)
            with response:
                status, fields = response.status_code, response.raw.headers.items()
                if status < 200:
                    raise _failed(InDoubt, exchange, f"the service answered {status} first")
                # A server that ignores a body takes it for the beginning of the next request, and with that request's
                # token: https://portswigger.net/web-security/request-smuggling. So none follows a relayed body.
                chunks = _chunks(exchange, response, connection, reusable=body is None)
                yield passed_on(exchange.operation, method, status, fields, chunks, secret)

    def close(self) -> None:
        """Close the connections that are not in use, and break off what is being relayed."""
        with self._lock:
            idle, self._idle = self._idle, []
            relays = tuple(self._relays)
        for _, connection in idle:
            connection.close()
        for relay in relays:
            relay.break_off("it was broken off")

    def _prepared(
        self, method: str, path: str, headers: Mapping[str, str], body: Any, token: Secret | None
    ) -> requests.PreparedRequest:
        """Return the request without what a ``requests.Session`` adds, such as the credentials of a ``.netrc``."""
        sent = {**headers, "Accept-Encoding": ACCEPTED_CODINGS}
        if token is not None:
            sent["Authorization"] = f"Bearer {token.reveal()}"
        return requests.Request(method, self.base_url + percent_encoded(path), data=body, headers=sent).prepare()

    @contextmanager
    def _breakable(self, relay: Exchange) -> Iterator[None]:
        with self._lock:
            self._relays.add(relay)
        try:
            yield
        finally:
            with self._lock:
                self._relays.discard(relay)

    @contextmanager
    def _connection(self, exchange: Exchange) -> Iterator[Connection]:
        """Yield a connection that nothing else uses, and keep it if the response was read to its end."""
        exchange.deadline.check(exchange.operation)
        with self._watch.watching(exchange):
            connection = self._take()
            try:
                yield connection
            finally:
                exchange.end()  # from now on the watch leaves the connection alone
                if connection.reusable and exchange.broken_off is None:
                    with self._lock:
                        self._idle.append((time.monotonic(), connection))
                else:
                    connection.close()

    def _take(self) -> Connection:
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            stale = [connection for since, connection in self._idle if since < oldest]
            self._idle = [(since, connection) for since, connection in self._idle if since >= oldest]
            connection = self._idle.pop()[1] if self._idle else Connection()
        for each in stale:
            each.close()
        connection.reusable = False
        return connection


def _connect_seconds(deadline: Deadline) -> float:
    return min(CONNECT_SECONDS, deadline.remaining())


def _content(exchange: Exchange, response: requests.Response) -> bytes:
    content = bytearray()
    for piece in response.iter_content(_PIECE):
        content += piece
        if len(content) > _LARGEST:
            raise _failed(InDoubt, exchange, f"the answer is larger than {_LARGEST // 2**20} MiB")
    return bytes(content)


def _chunks(
    exchange: Exchange, response: requests.Response, connection: Connection, *, reusable: bool
) -> Iterator[bytes]:
    """Yield the body as it arrives, not decoded. Raises InDoubt, and as ``deadline.check`` does."""
    with _translated(exchange):
        if response.raw.chunked:
            pieces = response.raw.stream(decode_content=False)
        else:
            # stream() waits for a full piece, and a response that is still being made has none.
            pieces = iter(lambda: response.raw.read1(_PIECE, decode_content=False), b"")
        for piece in pieces:
            exchange.deadline.check(exchange.operation)
            yield piece
    _require_whole(exchange)
    connection.reusable = reusable


def _require_whole(exchange: Exchange) -> None:
    """Raise InDoubt for a response that was broken off: without a length it looks whole."""
    if exchange.broken_off is not None:
        raise _failed(InDoubt, exchange, exchange.broken_off)


@contextmanager
def _translated(exchange: Exchange) -> Iterator[None]:
    """Raise the library's errors as NotSent or InDoubt."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        cause = explain(error, os.environ)
        came_back = exchange.broken_off or cause.reason or exchange.too_slow()
        # Behind a proxy, urllib3 reports a response that breaks off as a proxy that can't be reached.
        if cause.sent or exchange.has_started:
            raise _failed(InDoubt, exchange, came_back) from None
        raise NotSent(
            exchange.operation,
            came_back,
            shortname=exchange.shortname,
            next_step=cause.next_step,
            permanent=cause.permanent,
        ) from None


def _failed(kind: type[RequestFailed], exchange: Exchange, came_back: str) -> RequestFailed:
    return kind(exchange.operation, came_back, shortname=exchange.shortname)


@cache
def _user_agent() -> str:
    try:
        own = version("pulumi-fusion")
    except PackageNotFoundError:  # run from a checkout that was never installed
        own = "0"
    return f"pulumi-fusion/{own} python/{platform.python_version()} requests/{requests.__version__}"
