"""One exchange with the service: the only module, with ``failures``, that knows ``requests``.

Proxies and certificate bundles of the environment count (``HTTPS_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE``:
https://requests.readthedocs.io/en/latest/user/advanced/#proxies), and ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` as for
OpenSSL, because that is how companies let their pipelines out. Loopback never goes through a proxy, whatever they say:
the tokens for the emulator and for a session's endpoint would reach the proxy in clear. A ``.netrc`` does not count: it
would replace our Authorization header.
Redirects are not followed and cookies are not kept, so a credential stays with the host that it is for.

No timeout of ``requests`` covers a name server that does not answer or an answer that drips
(https://requests.readthedocs.io/en/latest/user/advanced/#timeouts). So each exchange runs in a daemon
thread of its own; whoever waits for it leaves at the deadline or at an interrupt, and an exchange that was
left behind can no longer send anything.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from pulumi_fusion.api.answers import ACCEPTED_CODINGS, Relayed, passed_on
from pulumi_fusion.api.failures import FOREIGN, explain
from pulumi_fusion.api.network import certificate_file, certificate_folders, is_loopback, percent_encoded
from pulumi_fusion.api.wire import Answer, Request
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import FusionError, InDoubt, NotSent, RequestFailed
from pulumi_fusion.forking import close_in_child, renew_in_child
from pulumi_fusion.redaction import Secret

__all__ = ["Transport"]

_CONNECT = 5.0
_CONNECTION = 10.0  # seconds for name, connection and TLS together
_READ = 30.0  # seconds from the request to the last byte of its answer
_RELAY_READ = 120.0  # seconds between two bytes of an answer that is let through; a search may take its time
_LARGEST = 16 * 2**20  # bytes of one answer; the longest list that is documented has 1000 accounts

# A connection that the service closes just as we reuse it leaves a POST in doubt that was never read. Common
# servers keep idle connections for 5 seconds or longer (https://nodejs.org/api/http.html#serverkeepalivetimeout).
_IDLE = 4.0

# How soon a waiting caller sees an interrupt; an answer wakes it at once.
_GLANCE = 0.2


class Transport:
    """Sends requests to one service; safe to use from many threads.

    Each exchange has a ``requests.Session`` for itself; sessions of finished exchanges are kept for a few
    seconds, the most recent one first in use again. A forked child opens connections of its own.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Have no connection and nothing under way."""
        self._lock = threading.Lock()
        self._idle: list[tuple[float, requests.Session]] = []
        self._relays: set[_Relay] = set()

    def exchange(
        self,
        request: Request[Any],
        deadline: Deadline,
        *,
        token: Secret | None = None,
    ) -> Answer:
        """Send the request once and return the answer, whatever it says.

        Raises Cancelled or DeadlineExceeded if it may not start any more, NotSent when nothing of it was
        sent, InDoubt when it was sent and no whole answer came back in time.
        """
        deadline.check(request.operation)
        exchange = _Exchange(self, request, deadline, token)
        _start(threading.Thread(target=exchange.run, name="pulumi-fusion-exchange", daemon=True), request.operation)
        return exchange.outcome()

    @contextmanager
    def relay(
        self, method: str, path: str, headers: Mapping[str, str], body: Any, deadline: Deadline, *, token: Secret
    ) -> Iterator[Relayed]:
        """Send somebody else's request once, with our token, and let its answer through as it comes.

        ``body`` is None or iterable and readable, with a length where that is known. Whoever asked gets nothing of the
        token, also where the service or something between shows what it was sent: in the answer it is masked, which is
        why the answer is decoded here. All happens in the caller's own thread; :meth:`close` breaks it off. Raises what
        ``deadline.check`` raises, NotSent, or InDoubt, which the chunks may raise as well.
        """
        operation = f"{method} {path}"
        deadline.check(operation)
        secret = token.reveal()  # now, for the end of a session forgets it
        relay = _Relay(operation, deadline)
        # No timeout of a read ends an answer that drips.
        end = threading.Timer(deadline.remaining(), relay.break_off)
        end.daemon = True
        _start(end, operation)
        session = self.take()
        with self._lock:
            self._relays.add(relay)
        try:
            _current.exchange = relay
            with relay.translated():
                prepared = requests.Request(
                    method,
                    self.base_url + percent_encoded(path),
                    data=body,
                    headers={**headers, "accept-encoding": ACCEPTED_CODINGS},
                    auth=_Bearer(token),
                ).prepare()
                response = _send(session, prepared, _CONNECT, _RELAY_READ)
            with response:
                status, fields = response.status_code, response.raw.headers.items()
                if status < 200:  # the answer itself is yet to come, and nothing here reads it
                    raise InDoubt(operation, f"the service answered {status} first")
                yield passed_on(operation, method, status, fields, relay.chunks(response), secret)
        finally:
            end.cancel()
            with self._lock:
                self._relays.discard(relay)
            # A server that overlooks a body takes it for the beginning of the next request, and with that request's
            # token: https://portswigger.net/web-security/request-smuggling. So none follows somebody else's body.
            if relay.whole and body is None:
                self.give_back(session)
            else:
                session.close()

    def close(self) -> None:
        """Close the connections that are not in use, and break off what is being relayed."""
        with self._lock:
            idle, self._idle = self._idle, []
            relays = tuple(self._relays)
        for _, session in idle:
            session.close()
        for relay in relays:
            relay.break_off()

    def break_off_interrupted(self) -> None:
        """Break off what is being relayed under a deadline that an interrupt ended."""
        with self._lock:
            relays = tuple(relay for relay in self._relays if relay.deadline.interrupted())
        for relay in relays:
            relay.break_off()

    def take(self) -> requests.Session:
        """A session that nobody else uses."""
        oldest = time.monotonic() - _IDLE
        with self._lock:
            stale = [session for since, session in self._idle if since < oldest]
            self._idle = [(since, session) for since, session in self._idle if since >= oldest]
            session = self._idle.pop()[1] if self._idle else None
        for old in stale:
            old.close()
        return session or _session()

    def give_back(self, session: requests.Session) -> None:
        """Keep a session whose answer was read to its end."""
        with self._lock:
            self._idle.append((time.monotonic(), session))


class _Exchange:
    """One request under way, seen from the thread that sends it and from the one that waits."""

    def __init__(
        self,
        transport: Transport,
        request: Request[Any],
        deadline: Deadline,
        token: Secret | None,
    ) -> None:
        self._transport = transport
        self._request = request
        self._deadline = deadline
        self._token = token
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._since = time.monotonic()
        self._longest_read = min(_READ, deadline.read_time())
        self._sending = False
        self._left = False
        self._socket: socket.socket | None = None
        self._answer: Answer | None = None
        self._error: FusionError | None = None
        renew_in_child(self)

    def after_fork(self) -> None:
        """Break off: the thread that sends was not forked. It matters where a signal handler forks during the wait."""
        self._lock = threading.Lock()
        if self._done.is_set():
            return
        self._done = threading.Event()
        self._done.set()
        self._error = self._failed(InDoubt if self._sending else NotSent, "the process was forked meanwhile")

    # The waiting thread.

    def outcome(self) -> Answer:
        try:
            why = self._wait()
        finally:
            self._leave()  # also when a KeyboardInterrupt takes the caller away
        if why:
            raise self._failed(InDoubt if self._sending else NotSent, why)
        if self._error is not None:
            raise self._error
        if self._answer is None:
            raise self._failed(InDoubt, "the exchange broke off")
        return self._answer

    def _wait(self) -> str:
        """Wait for the end of the exchange; says why if that was not waited for."""
        while not self._done.wait(min(_GLANCE, self._patience())):
            if self._deadline.interrupted():
                return "it was interrupted while it waited for the answer"
            if self._patience() <= 0:
                return self._too_long()
        return ""

    def _patience(self) -> float:
        with self._lock:
            end = self._since + (self._longest_read if self._sending else _CONNECTION)
        return max(0.0, min(end - time.monotonic(), self._deadline.remaining()))

    def _too_long(self) -> str:
        with self._lock:
            return f"no {'answer' if self._sending else 'connection'} within {time.monotonic() - self._since:.2g} s"

    def _leave(self) -> None:
        """From here on nothing is sent, and a thread that still reads is woken."""
        with self._lock:
            self._left = True
            hanging = None if self._done.is_set() else self._socket
        _wake(hanging)

    def _failed(self, kind: type[RequestFailed], came_back: str) -> RequestFailed:
        return kind(self._request.operation, came_back, shortname=self._request.shortname)

    # The sending thread.

    def run(self) -> None:
        _current.exchange = self
        session = self._transport.take()
        try:
            self._answer = self._send(session)
        except FusionError as refused:
            self._error = refused
        except FOREIGN as wrong:
            self._error = self._translated(wrong)
        finally:
            with self._lock:
                self._socket = None
                # After a 1xx the answer itself is yet to come, and the next request would take it for its own.
                reusable = self._answer is not None and self._answer.status >= 200 and not self._left
            if reusable:
                self._transport.give_back(session)
            else:
                session.close()
            self._done.set()

    def may_send(self, connection: Any) -> None:
        """The last moment at which nothing was sent; raises what keeps the request from going out."""
        with self._lock:
            if self._left:
                raise self._failed(NotSent, "it was left before it was sent")
            self._deadline.check(self._request.operation)
            now = time.monotonic()
            self._sending = True
            self._since = now
            self._socket = _socket_of(connection)

    def _send(self, session: requests.Session) -> Answer:
        request = self._request
        url = self._transport.base_url + percent_encoded(request.path)
        body = None if request.json is None else json.dumps(request.json).encode()
        prepared = session.prepare_request(
            requests.Request(
                request.method,
                url,
                data=body,
                headers=None if body is None else {"Content-Type": "application/json"},
                auth=_Bearer(self._token),
            )
        )
        with _send(session, prepared, min(_CONNECT, self._deadline.remaining()), self._longest_read) as response:
            content = bytearray()
            for chunk in response.iter_content(64 * 1024):
                content += chunk
                if len(content) > _LARGEST:
                    raise self._failed(InDoubt, f"the answer is larger than {_LARGEST // 2**20} MiB")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, bytes(content))

    def _translated(self, wrong: Exception) -> RequestFailed:
        with self._lock:
            sending = self._sending
        cause = explain(wrong, os.environ)
        if sending:
            return self._failed(InDoubt, cause.words or self._too_long())
        error = NotSent(
            self._request.operation,
            cause.words or self._too_long(),
            shortname=self._request.shortname,
            next_step=cause.next_step,
        )
        error.lasting = cause.lasting
        return error


class _Relay:
    """A request of somebody else under way."""

    def __init__(self, operation: str, deadline: Deadline) -> None:
        self.deadline = deadline
        self._operation = operation
        self._lock = threading.Lock()
        self._sending = self._broken = False
        self._socket: socket.socket | None = None
        self.whole = False
        """Whether the answer was read to its end."""
        renew_in_child(self)

    def after_fork(self) -> None:
        """Break off."""
        self._lock = threading.Lock()
        self._broken = True

    def may_send(self, connection: Any) -> None:
        """As of an exchange."""
        with self._lock:
            self.deadline.check(self._operation)
            if self._broken:
                raise NotSent(self._operation, "it was broken off before it was sent")
            self._sending = True
            self._socket = _socket_of(connection)

    def break_off(self) -> None:
        """From here on nothing is sent, and the thread that reads is woken."""
        with self._lock:
            self._broken = True
            hanging = self._socket
        _wake(hanging)

    def chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield the body as it comes until the deadline. Raises as its ``check`` does."""
        with self.translated():
            if response.raw.chunked:
                pieces = response.raw.stream(decode_content=False)
            else:
                # stream() would wait for a full piece, and an answer that is still being made has none.
                pieces = iter(lambda: response.raw.read1(64 * 1024, decode_content=False), b"")
            for piece in pieces:
                self.deadline.check(self._operation)
                yield piece
            with self._lock:
                self._socket = None
                self.whole = not self._broken
        if not self.whole:  # without a length, an answer that was cut off looks like a whole one
            raise InDoubt(self._operation, "the answer was broken off")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Tell the library's errors as ours."""
        try:
            yield
        except FOREIGN as wrong:
            cause = explain(wrong, os.environ)
            words = cause.words or "no answer in time"
            if self._sending:
                raise InDoubt(self._operation, words) from None
            raise NotSent(self._operation, words, next_step=cause.next_step) from None


def _send(
    session: requests.Session, prepared: requests.PreparedRequest, connect: float, read: float
) -> requests.Response:
    """Send over the session's connection, with the environment's proxies and certificates; the body is still to come.

    Not ``Session.send``: even when it does not follow a redirect it parses its target and reads its whole body.
    """
    url = prepared.url or ""
    ours = session.merge_environment_settings(url, {}, True, None, None)
    verify = ours["verify"]  # True or None where neither REQUESTS_CA_BUNDLE nor CURL_CA_BUNDLE is set
    direct = is_loopback(urlsplit(url).hostname or "")
    return session.get_adapter(url).send(
        prepared,
        timeout=(max(0.001, connect), max(0.001, read)),
        stream=True,
        verify=verify if isinstance(verify, str) else certificate_file(os.environ) or True,
        cert=ours["cert"],
        proxies={} if direct else ours["proxies"],
    )


def _start(thread: threading.Thread, operation: str) -> None:
    """Start a thread. Raises NotSent where the system allows no further one."""
    try:
        thread.start()
    except RuntimeError:
        raise NotSent(
            operation,
            "the system lets this process start no further thread",
            next_step="Nothing was sent. End other processes of this user, or raise its limit (`ulimit -u`, or that of "
            "the container), then run it again.",
        ) from None


def _socket_of(connection: Any) -> socket.socket | None:
    return connection.sock if isinstance(connection.sock, socket.socket) else None


def _wake(hanging: socket.socket | None) -> None:
    """End what a thread waits for at this socket."""
    if hanging is not None:
        # Of the plain socket: SSLSocket.shutdown would take the TLS layer away from the thread that reads.
        with suppress(OSError):
            socket.socket.shutdown(hanging, socket.SHUT_RDWR)


_current = threading.local()


@cache
def _watched(connection: type[Any]) -> type[Any]:
    """The connection class with two things more: it asks the exchange before the first byte of a request, and a forked
    child does not keep it.

    Also for a request that urllib3 sends to a proxy first, since connecting comes before and is not counted.
    """

    class Watched(connection):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            close_in_child(self.sock)

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is None:
                self.connect()
            _current.exchange.may_send(self)
            super().request(*args, **kwargs)

    return Watched


class _Adapter(HTTPAdapter):
    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if folders := certificate_folders(os.environ):
            conn.ca_cert_dir = folders

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not getattr(pool, "watched", False):
            pool.ConnectionCls = _watched(pool.ConnectionCls)
            pool.watched = True
        return pool


class _Bearer(AuthBase):
    """Sets our Authorization header or none; being there at all keeps a ``.netrc`` out."""

    def __init__(self, token: Secret | None) -> None:
        self._token = token

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            prepared.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return prepared


def _session() -> requests.Session:
    session = requests.Session()
    session.headers.update({"Accept": "application/json", "User-Agent": _user_agent()})
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=1))
    return session


@cache
def _user_agent() -> str:
    try:
        ours = version("pulumi-fusion")
    except PackageNotFoundError:  # run from a checkout that was never installed
        ours = "0"
    return f"pulumi-fusion/{ours} python/{platform.python_version()} requests/{requests.__version__}"
