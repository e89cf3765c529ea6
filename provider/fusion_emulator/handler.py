"""One connection to the emulator: read whole requests, apply the faults, send the answer or cut it off."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import re
import socket
import struct
import time
import traceback
from http import HTTPStatus
from socketserver import StreamRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, unquote_to_bytes

from werkzeug.test import EnvironBuilder, run_wsgi_app

from fusion_emulator import auth
from fusion_emulator.answers import Answer, http_date, refusal
from fusion_emulator.bodies import parse_json
from fusion_emulator.errors import Refused
from fusion_emulator.exchange import EXCHANGE, Exchange
from fusion_emulator.faults import Delivery, Drawn
from fusion_emulator.journal import Entry
from fusion_emulator.origins import foreign
from fusion_emulator.reading import Request
from fusion_emulator.routes.access import ADDRESSES
from fusion_emulator.routes.control import controls

if TYPE_CHECKING:
    from io import BufferedReader

    from _typeshed.wsgi import WSGIEnvironment

    from fusion_emulator.server import Server

__all__ = ["Handler"]

_CUSTOMER: Final = "/api/v1/customer/"
# Seconds to wait for more of a request that was refused, and the number of reads of at most 64 KiB.
_LINGER: Final = 2.0
_LINGER_READS: Final = 256
# What the journal keeps at most of a request: characters of its path and of a name, and names of its body.
_LONGEST_PATH: Final = 2000
_LONGEST_NAME: Final = 64
_KEYS: Final = 50
# A token, a shared secret or an appkey, the encoding of a credential, and a password before a host.
_SECRET: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|[0-9a-fA-F]{32,}|ewog[A-Za-z0-9+/_-]{40,}=*|(?<=//)[^/@\s]+@")


class Handler(StreamRequestHandler):
    """The requests of one connection.

    The handler of werkzeug closes the connection after every answer; the real service and its proxies keep it open.
    """

    disable_nagle_algorithm = True
    server: Server
    rfile: BufferedReader

    def handle(self) -> None:
        """Answer requests until the connection ends."""
        self._is_last = False
        while not self._is_last:
            self._next()

    def _next(self) -> None:
        """Read and answer a request, or find that the client closed the connection."""
        self._request = Request(self.rfile)
        try:
            if not self._read_head():
                self._is_last = True
                return
            if self._request.expects_continue:
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = self._request.read_body()
        except Refused as refused:
            self._refuse(refused)
            return
        self._is_last = self._request.is_last
        self._answer(body)

    def _read_head(self) -> bool:
        try:
            return self._request.read_head()
        finally:
            # Not before, since the client may have waited with its request.
            self._started, self._ticks = self.server.service.clock.machine(), time.monotonic()
            # With one slash in the beginning, as the routes have it.
            self._path = "/" + unquote(self._request.path).lstrip("/")

    def _refuse(self, refused: Refused) -> None:
        """Answer a request that cannot be read, and end the connection, whose rest would be read as another one."""
        self._is_last = True
        delivery = Delivery(refusal(refused.status, refused.message))
        if self._request.method and not controls(self._path):
            self._note(self._exchange(Drawn()), b"", Drawn(), None, delivery)
        self._deliver(delivery, Drawn())
        # If it were closed with bytes unread, the connection would be reset and the answer perhaps lost.
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER)
            for _ in range(_LINGER_READS):
                if not self.connection.recv(1 << 16):
                    return

    def _answer(self, body: bytes) -> None:
        """Answer a request that was read."""
        # What a web page elsewhere sends is refused, and must use up no fault.
        apart = controls(self._path) or foreign(self._request.value("sec-fetch-site"))
        drawn = Drawn() if apart else self.server.emulator.faults.draw(self._request.method, self._path)
        exchange = self._exchange(drawn)
        try:
            genuine, delivery = self._outcome(body, exchange, drawn)
        except Refused as refused:
            genuine = refusal(refused.status, refused.message)
            delivery = Delivery(genuine)
        except Exception:  # noqa: BLE001  # a defect, which ends neither the connection nor the emulator
            traceback.print_exc()
            genuine = refusal(500, "The emulator has a defect; it has written the details to its standard error")
            delivery = Delivery(genuine)
        if not apart:
            # Before the answer is sent, so that a client that has the answer finds the entry.
            self._note(exchange, body, drawn, genuine, delivery)
        self._deliver(delivery, drawn)

    def _exchange(self, drawn: Drawn) -> Exchange:
        return Exchange(self.server.emulator, self.server.service, skew=drawn.skew, client=self.client_address[0])

    def _note(self, exchange: Exchange, body: bytes, drawn: Drawn, genuine: Answer | None, delivery: Delivery) -> None:
        """Add the request to the journal."""
        fields = _fields(body)
        self.server.emulator.requests.add(
            Entry(
                time=self._started,
                seconds=time.monotonic() - self._ticks,
                method=self._request.method[:_LONGEST_NAME],
                path=_shown(self._path, _LONGEST_PATH),
                status=delivery.status,
                genuine=genuine.status if genuine else None,
                account=exchange.account,
                shortname=_subject(self._path, fields),
                fault=drawn.text,
                body_keys=tuple(_shown(name, _LONGEST_NAME) for name in itertools.islice(fields, _KEYS)),
                connection=self.client_address[1],
                unmatched=exchange.unmatched,
                token=exchange.token,
                masquerade=exchange.masquerade,
            )
        )

    def _environ(self, body: bytes, exchange: Exchange) -> WSGIEnvironment:
        environ = EnvironBuilder(
            # The answer to HEAD is that to GET without its body.
            method="GET" if self._request.method == "HEAD" else self._request.method,
            query_string=self._request.query,
            headers=self._request.fields,
            input_stream=io.BytesIO(body),
            content_length=len(body),
        ).get_environ()
        # PEP 3333: the decoded path, its bytes as latin-1. Set here because the builder takes "//x" for a host.
        environ["PATH_INFO"] = unquote_to_bytes(self._request.path).decode("latin-1")
        environ[EXCHANGE] = exchange
        return environ

    def _outcome(self, body: bytes, exchange: Exchange, drawn: Drawn) -> tuple[Answer | None, Delivery]:
        """Return the service's own answer, None if it did not act, and what is to be sent."""
        service = self.server.service
        if drawn.delay:
            self.server.stopping.wait(drawn.delay)
        if drawn.colour("token-expired"):
            auth.expire(service, self._request.value("authorization"))
        stale = drawn.colour("stale")
        if stale is not None:
            exchange.stale = int(float(stale.value or 0))
        decisive = drawn.decisive
        now = service.clock.machine() + drawn.skew
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
        head = self._head(delivery.answer, now=self.server.service.clock.machine() + drawn.skew)
        body = b"" if self._request.method == "HEAD" else delivery.answer.body
        if delivery.cut:
            # An answer without a body is cut within its headers: without that it would be complete.
            self._is_last = True
            self.wfile.write(head + body[: len(body) // 2] if body else head[: len(head) // 2])
            return
        hints = drawn.colour("early-hints")
        # RFC 9110 section 15.2: no 1xx for a client of HTTP/1.0.
        if hints is not None and self._request.is_http_1_1:
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
        if self._is_last:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def _reset(self) -> None:
        """Close with RST instead of FIN: lingering for 0 seconds discards unsent data (socket(7))."""
        self._is_last = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The reader shares the descriptor, which is closed with the last of the two: before the server's own
        # shutdown() could send a FIN.
        self.rfile.close()
        self.connection.close()


def _shown(text: str, longest: int) -> str:
    """Return a text of a request for the journal, without what looks like a secret."""
    return _SECRET.sub("***", text)[:longest]


def _fields(body: bytes) -> dict[str, Any]:
    try:
        document = parse_json(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _subject(path: str, fields: dict[str, Any]) -> str | None:
    """Return the shortname of the account that a request is about, or that a request token asks for."""
    if path.startswith(_CUSTOMER):
        below = path.removeprefix(_CUSTOMER)
        return None if below == ADDRESSES else _shown(below, _LONGEST_NAME)
    token = fields.get("jwt")
    shortname = auth.asked_for(token) if isinstance(token, str) else fields.get("shortname")
    return _shown(shortname, _LONGEST_NAME) if isinstance(shortname, str) else None
