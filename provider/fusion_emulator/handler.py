"""One connection to the emulator: read whole requests, apply the faults, send the answer or cut it off."""

from __future__ import annotations

import contextlib
import io
import json
import math
import socket
import struct
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, unquote_to_bytes

from werkzeug.test import EnvironBuilder, run_wsgi_app

from fusion_emulator import auth
from fusion_emulator.answers import Answer, http_date, refusal
from fusion_emulator.errors import Refused
from fusion_emulator.exchange import EXCHANGE, MAX_BODY, Exchange
from fusion_emulator.faults import Delivery, Drawn
from fusion_emulator.journal import Entry
from fusion_emulator.origins import foreign
from fusion_emulator.routes.control import PREFIX

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from fusion_emulator.server import Server

__all__ = ["Handler"]

_CUSTOMER: Final = "/api/v1/customer/"


class Handler(BaseHTTPRequestHandler):
    """The requests of one connection.

    The handler of werkzeug closes the connection after every answer; the real service and its proxies keep it open.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def __getattr__(self, name: str) -> Any:
        """Return the one method that handles every verb, for the routes decide which verbs exist."""
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: the journal is the log."""

    def _exchange(self) -> None:
        emulator, service = self.server.emulator, self.server.service
        started, ticks = service.clock(), time.monotonic()
        path = unquote(self.path.partition("?")[0])
        # What a web page elsewhere sends is refused, and must use up no fault.
        controls = path.startswith(PREFIX) or foreign(self.headers.get("Sec-Fetch-Site"))
        try:
            body = self._body()
        except Refused as refused:
            # The unread rest of this request would be read as the next one.
            self.close_connection = True
            self._deliver(Delivery(refusal(refused.status, refused.message, refused.headers)), Drawn())
            return
        drawn = Drawn() if controls else emulator.faults.draw(self.command, path)
        exchange = Exchange(emulator, service, skew=drawn.skew)
        genuine, delivery = self._outcome(body, exchange, drawn)
        if not controls:
            fields = _fields(body)
            # Added before the answer is sent, so that a client that has the answer finds the entry.
            emulator.requests.add(
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
            raise Refused(400, "Content-Length is not a number") from None
        if not 0 <= length <= MAX_BODY:
            raise Refused(413, "The body is too large")
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client disconnected within its body")
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
        environ[EXCHANGE] = exchange
        return environ

    def _outcome(self, body: bytes, exchange: Exchange, drawn: Drawn) -> tuple[Answer | None, Delivery]:
        """Return the service's own answer, None if it did not act, and what is to be sent."""
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
        """Send what a delivery describes."""
        if delivery.wait:
            self.server.stopping.wait(None if math.isinf(delivery.wait) else delivery.wait)
        if delivery.answer is None or self.server.stopping.is_set():
            self._reset()
            return
        head = self._head(delivery.answer, now=self.server.service.clock() + drawn.skew)
        body = b"" if self.command == "HEAD" else delivery.answer.body
        if delivery.cut:
            # An answer without a body is cut within its headers: without that it would be complete.
            self.close_connection = True
            self.wfile.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
            return
        hints = drawn.colour("early-hints")
        if hints is not None:
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
            self.server.stopping.wait(float(hints.value or 0.05))
        self._write(head + body, drawn)

    def _write(self, data: bytes, drawn: Drawn) -> None:
        """Send an answer at once, or in the slices of a fault."""
        slices = drawn.colour("slice")
        if slices is None:
            self.wfile.write(data)
            return
        size, pause = max(1, int(slices.number("size", 16))), float(slices.value or 0.002)
        for start in range(0, len(data), size):
            self.wfile.write(data[start : start + size])
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
        """Close with RST instead of FIN: lingering for 0 seconds discards unsent data (socket(7))."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The reader shares the descriptor, which is closed with the last of the two: before the server's own
        # shutdown() could send a FIN.
        self.rfile.close()
        self.connection.close()


def _fields(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _subject(path: str, fields: dict[str, Any]) -> str | None:
    """Return the shortname of the account that a request is about."""
    if path.startswith(_CUSTOMER):
        return path.removeprefix(_CUSTOMER)
    shortname = fields.get("shortname")
    return shortname if isinstance(shortname, str) else None
