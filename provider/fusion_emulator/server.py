"""The emulator as a server on loopback: start, stop, and a hand in the state behind the API's back."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import io
import json
import math
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, cast
from urllib.parse import unquote, unquote_to_bytes

from flask import Flask, request
from werkzeug.local import LocalProxy
from werkzeug.security import generate_password_hash
from werkzeug.test import EnvironBuilder, run_wsgi_app

from fusion_emulator import accounts, auth
from fusion_emulator.accounts import Account, Mail, Refused, State, User
from fusion_emulator.app import EXCHANGE, MAX_BODY, Exchange, make_app
from fusion_emulator.control import PREFIX, control_routes
from fusion_emulator.faults import Answer, Delivery, Drawn, Faults
from fusion_emulator.journal import Entry, Journal
from fusion_emulator.records import JsonObject, account_record, parse_creation
from fusion_emulator.records import error as error_body
from fusion_emulator.service import ROOT, Service, http_date, mint, new_key
from fusion_emulator.store import StateFile
from fusion_emulator.switches import Switches

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["LOOPBACK", "Emulator", "PortInUse", "black_hole"]

LOOPBACK = "127.0.0.1"
CUSTOMER = "/api/v1/customer/"

# Whose request it is, in the environ.
SERVICE = "emulator.service"
EMULATOR = "emulator.emulator"


class PortInUse(RuntimeError):
    """Something else listens on that port."""


class Emulator:
    """The Fusion customers API on 127.0.0.1, from ``start`` (or ``with``) to ``stop``.

    ``port`` 0 takes a free one, which stays the same over stop and start. ``state`` is a file that keeps the accounts,
    None keeps them in memory for as long as this object lives. ``log`` takes a line per request. ``clock`` gives Unix
    seconds. Raises StateFileBusy, StateFileUnreadable and PortInUse from ``start``; UnknownSwitch and MalformedFault
    from the values themselves.
    """

    def __init__(
        self,
        switches: Switches | None = None,
        *,
        port: int = 0,
        state: Path | None = None,
        log: TextIO | None = None,
        faults: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.faults = Faults(faults)
        self.requests = Journal(log)
        self._switches = switches or Switches()
        self._port = port
        self._path = state
        self._clock = clock
        self._file: StateFile | None = None
        self._service: Service | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Requests are answered when this returns."""
        if self._server is not None:
            return
        if self._path is not None:
            self._file = StateFile(self._path)
            self._service = None
        try:
            if self._service is None:
                self._service = Service(self._switches, file=self._file, clock=self._clock)
            server = _Server(self._port, self._service, self)
        except BaseException:
            self._release()
            raise
        self._port = server.server_address[1]
        self._server = server
        self._thread = threading.Thread(target=server.accept, name="fusion-emulator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No thread, socket or lock of the emulator is left when this returns; requests under way are dropped."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        server.stop_accepting()
        thread.join()
        server.end()
        self._server = self._thread = None
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def port(self) -> int:
        """The port; 0 before the first start when none was chosen."""
        return self._port

    @property
    def url(self) -> str:
        """The service's address, without a path."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def netosecret(self) -> str:
        """The credential of the root account, with this address in it."""
        state = self._running.state
        root = state.accounts[state.root]
        key = next(each for each in state.keys if each.account == root.id)
        return auth.netosecret(root, key, url=self.url)

    @property
    def switches(self) -> Switches:
        """The switches in force; assign, or use ``switch``, to change them while requests run."""
        return self._service.switches if self._service else self._switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self._switches = switches
        if self._service is not None:
            self._service.switches = switches

    def switch(self, **changes: Any) -> None:
        """Changes some switches; raises UnknownSwitch or TypeError."""
        self.switches = dataclasses.replace(self.switches, **changes)

    def accounts(self) -> tuple[Account, ...]:
        """All accounts but the root, in order of creation."""
        state = self._running.state
        return tuple(each for each in state.accounts.values() if each.id != state.root)

    @property
    def root(self) -> Account:
        """The account at the top."""
        state = self._running.state
        return state.accounts[state.root]

    def account(self, shortname: str) -> Account | None:
        """The account of that name."""
        state = self._running.state
        return accounts.find(state, shortname, top=state.root)

    def record(self, shortname: str) -> JsonObject:
        """The record of that account as the API would show it with every field; raises KeyError."""
        state = self._running.state
        return account_record(
            state, self._named(state, shortname), dataclasses.replace(self.switches, record="extended")
        )

    def users(self, shortname: str | None = None) -> tuple[User, ...]:
        """The users of that account, or all."""
        state = self._running.state
        account = None if shortname is None else self._named(state, shortname).id
        return tuple(each for each in state.users.values() if account in (None, each.account))

    def mails(self) -> tuple[Mail, ...]:
        """The invitations that the real service would have sent."""
        return self._running.state.mails

    def seed(self, shortname: str, *, parent: str | None = None, **fields: Any) -> Account:
        """An account made behind the API's back, below ``parent`` or the root.

        ``fields`` are those of the create body (organization, type, retention, rollupRetention, trial, fps, username,
        given_name, family_name); what is not given has a sensible value. Raises Refused and KeyError.
        """
        body = {
            "shortname": shortname,
            "organization": f"{shortname} Inc.",
            "type": "customer",
            "retention": 90,
            "rollupRetention": 180,
            "username": "owner@example.com",
            "given_name": "Skippy",
            "family_name": "Longbottom",
            **fields,
        }
        wanted = parse_creation(body, self.switches)

        def change(state: State) -> tuple[State, Account]:
            above = self._named(state, parent) if parent else state.accounts[state.root]
            return accounts.create(state, above.id, wanted, self.switches, mint=mint)

        return self._running.commit(change)

    def edit(self, shortname: str, /, **fields: Any) -> Account:
        """The account with fields of ``Account`` changed behind the API's back; raises KeyError, TypeError."""

        def change(state: State) -> tuple[State, Account]:
            account = dataclasses.replace(self._named(state, shortname), **fields)
            return accounts.put(state, account), account

        return self._running.commit(change)

    def remove(self, shortname: str) -> None:
        """Removes the account and all below it behind the API's back; raises KeyError."""
        cascading = dataclasses.replace(self.switches, delete_parent="cascades")
        self._running.commit(lambda state: (accounts.delete(state, self._named(state, shortname), cascading), None))

    def recreate(self, shortname: str) -> Account:
        """The account removed and made again by somebody else: the same fields, another id. Raises KeyError."""
        old = self._named(self._running.state, shortname)
        parent = self._running.state.accounts[old.parent] if old.parent else None
        self.remove(shortname)
        return self.seed(
            shortname,
            parent=parent.shortname if parent else None,
            organization=old.organization,
            type=old.type,
            retention=old.retention,
            rollupRetention=old.rollup_retention,
            trial=old.trial,
            **({} if old.fps is None else {"fps": old.fps}),
        )

    def key(self, shortname: str = ROOT, *, role: str = "admin", appname: str | None = None) -> str:
        """The netosecret of a new API key of that account; raises KeyError."""

        def change(state: State) -> tuple[State, str]:
            account = self._named(state, shortname)
            key = new_key(account.id, appname=appname or f"app-{mint()}", role=role)
            return accounts.put_key(state, key), auth.netosecret(account, key, url=self.url)

        return self._running.commit(change)

    def set_password(self, email: str, password: str) -> None:
        """Lets every user of that email log in with it; raises KeyError."""
        hashed = generate_password_hash(password)

        def change(state: State) -> tuple[State, None]:
            users = {
                id_: dataclasses.replace(user, password=hashed)
                for id_, user in state.users.items()
                if user.email == email
            }
            if not users:
                raise KeyError(email)
            return dataclasses.replace(state, users={**state.users, **users}), None

        self._running.commit(change)

    def expire_tokens(self) -> None:
        """Ends every access and refresh token."""
        self._running.commit(lambda state: (dataclasses.replace(state, sessions={}), None))

    @property
    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the emulator has not been started")
        return self._service

    @staticmethod
    def _named(state: State, shortname: str) -> Account:
        account = accounts.find(state, shortname, top=state.root)
        if account is None:
            raise KeyError(shortname)
        return account


@functools.cache
def _app() -> Flask:
    """One application for all emulators of a process: to compile its routes is most of what a start costs."""
    app = make_app(cast(Service, LocalProxy(lambda: request.environ[SERVICE])))
    control_routes(app, cast(Emulator, LocalProxy(lambda: request.environ[EMULATOR])))
    return app


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread per connection; all of them end with the server."""

    request_queue_size = 128
    # A port that was just released can be taken again: the same URL after a restart.
    allow_reuse_address = True

    def __init__(self, port: int, service: Service, emulator: Emulator) -> None:
        self.service = service
        self.emulator = emulator
        self.app = _app()
        self.stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise PortInUse(f"port {port} cannot be used: {error.strerror}") from None
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Daemon threads, so that an emulator that nobody stopped does not keep its process alive."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._connections_lock:
            self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def accept(self) -> None:
        """Takes connections until told to stop, without polling."""
        while not self.stopping.is_set():
            self.handle_request()

    def stop_accepting(self) -> None:
        """Ends every wait of a handler, and wakes ``accept`` by one last connection."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            socket.create_connection((LOOPBACK, self.server_address[1]), timeout=1).close()

    def end(self) -> None:
        """Ends the reads that idle connections wait in, and every thread and socket."""
        with self._connections_lock:
            threads = list(self._connections.values())
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that its client dropped is nothing to report; anything else is a defect of the emulator."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads whole requests, lets the faults strike, and writes the answer or breaks off.

    werkzeug's own handler ends the connection after every answer; the real service and its proxies keep it open.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def __getattr__(self, name: str) -> Any:
        # BaseHTTPRequestHandler looks for one method per verb; the app knows which verbs there are.
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """The journal is the log."""

    def _exchange(self) -> None:
        started, ticks = self.server.service.clock(), time.monotonic()
        path = unquote(self.path.partition("?")[0])
        controls = path.startswith(PREFIX)
        try:
            body = self._body()
        except Refused as refusal:
            # What is left unread of this request would be taken for the next one.
            self.close_connection = True
            self._deliver(Delivery(_whole(refusal)), Drawn())
            return
        drawn = Drawn() if controls else self.server.emulator.faults.draw(self.command, path)
        exchange = Exchange(skew=drawn.skew)
        genuine, delivery = self._outcome(body, exchange, drawn)
        if not controls:
            fields = _fields(body)
            # Before the answer is sent: who has read it finds the entry.
            self.server.emulator.requests.add(
                Entry(
                    time=started,
                    seconds=time.monotonic() - ticks,
                    method=self.command,
                    path=path,
                    status=delivery.status,
                    genuine=genuine.status if genuine else None,
                    account=exchange.account,
                    shortname=_subject(path, fields),
                    fault=drawn.text,
                    body_keys=tuple(fields),
                    connection=self.client_address[1],
                )
            )
        self._deliver(delivery, drawn)

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise Refused(411, "Content-Length is required")
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            raise Refused(400, "Content-Length is no number") from None
        if not 0 <= length <= MAX_BODY:
            raise Refused(413, "The body is too large")
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client left within its body")
        return body

    def _environ(self, body: bytes, exchange: Exchange) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ = EnvironBuilder(
            method=self.command,
            query_string=query,
            headers=list(self.headers.items()),
            input_stream=io.BytesIO(body),
            content_length=len(body),
        ).get_environ()
        # PEP 3333: the decoded path, its bytes as latin-1. Set here because the builder takes "//x" for a host.
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
        environ["REMOTE_ADDR"] = self.client_address[0]
        environ[EXCHANGE] = exchange
        environ[SERVICE] = self.server.service
        environ[EMULATOR] = self.server.emulator
        return environ

    def _outcome(self, body: bytes, exchange: Exchange, drawn: Drawn) -> tuple[Answer | None, Delivery]:
        """The service's own answer, None when it did not act, and what is to be sent."""
        service = self.server.service
        if drawn.delay:
            self.server.stopping.wait(drawn.delay)
        if drawn.colour("token-expired"):
            auth.expire(service, self.headers.get("Authorization"))
        stale = drawn.colour("stale")
        if stale is not None:
            exchange.stale = int(float(stale.value or 0))
        decisive = drawn.decisive
        now = service.clock() + drawn.skew
        if decisive is not None and decisive.side == "before":
            return None, decisive.strike(None, now=now)
        chunks, status, headers = run_wsgi_app(self.server.app, self._environ(body, exchange), buffered=True)
        genuine = Answer(int(status.split()[0]), dict(headers), b"".join(chunks))
        return genuine, Delivery(genuine) if decisive is None else decisive.strike(genuine, now=now)

    def _deliver(self, delivery: Delivery, drawn: Drawn) -> None:
        """Sends what the delivery says."""
        if delivery.hold:
            self.server.stopping.wait(None if math.isinf(delivery.hold) else delivery.hold)
        if delivery.answer is None or self.server.stopping.is_set():
            self._reset()
            return
        answer = delivery.answer
        head = self._head(answer, now=self.server.service.clock() + drawn.skew)
        body = b"" if self.command == "HEAD" else answer.body
        if delivery.cut:
            # An answer without a body is cut within its headers: half of nothing would be whole.
            self.close_connection = True
            self.wfile.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
            return
        hints = drawn.colour("early-hints")
        if hints is not None:
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
            self.server.stopping.wait(float(hints.value or 0.05))
        pieces = drawn.colour("slice")
        if pieces is None:
            self.wfile.write(head + body)
        else:
            size, pause = max(1, int(pieces.number("size", 16))), float(pieces.value or 0.002)
            whole = head + body
            for start in range(0, len(whole), size):
                self.wfile.write(whole[start : start + size])
                self.server.stopping.wait(pause)

    def _head(self, answer: Answer, *, now: float) -> bytes:
        try:
            phrase = HTTPStatus(answer.status).phrase
        except ValueError:
            phrase = "Unknown"
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
        headers["Date"] = http_date(now)
        # RFC 9110 section 8.6: no Content-Length in a 204.
        if answer.status != 204:
            headers["Content-Length"] = str(len(answer.body))
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _reset(self) -> None:
        """Closes with RST instead of FIN: lingering for 0 seconds discards what was not sent (socket(7))."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The reader shares the descriptor: it is closed with the last of the two, before the server's own
        # shutdown() could send a FIN.
        self.rfile.close()
        self.connection.close()


def _whole(refusal: Refused) -> Answer:
    body = json.dumps(error_body(refusal.status, refusal.message)).encode()
    return Answer(refusal.status, {"Content-Type": "application/json", **refusal.headers}, body)


def _fields(body: bytes) -> JsonObject:
    try:
        document = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _subject(path: str, fields: JsonObject) -> str | None:
    """The account that a request is about."""
    if path.startswith(CUSTOMER):
        return path.removeprefix(CUSTOMER)
    shortname = fields.get("shortname")
    return shortname if isinstance(shortname, str) else None


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """The address of a port where connecting never ends (F3): the queue of its listener is full and nobody accepts.

    Linux drops what does not fit the queue; elsewhere the connection may be refused instead.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        address = listener.getsockname()
        # A backlog of 0 still holds one connection, and some kernels one more.
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield f"http://{LOOPBACK}:{address[1]}"
