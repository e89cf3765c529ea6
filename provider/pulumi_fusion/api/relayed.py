"""What of a response is passed on to the client of a session. Pure.

The client must be able to see where the response ends, and must not find the token in it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from pulumi_fusion.errors import InDoubt, capped
from pulumi_fusion.redaction import forms

__all__ = ["ACCEPTED_CODINGS", "Relayed", "passed_on", "was_done"]

ACCEPTED_CODINGS: Final = "gzip, deflate"
"""The codings that are requested: every installation of Python can decode them."""

_GZIP: Final = frozenset({"gzip", "x-gzip"})  # one coding under two names: RFC 9110, 8.4.1.3
_DECODED: Final = _GZIP | {"deflate"}
_MOST_CODINGS: Final = 3
_PIECE: Final = 64 * 1024

# Headers of one connection (RFC 9110, 7.6.1), what describes how the body was sent, and what could lead elsewhere or
# outlive the session: cookies, redirects, another address of the service.
_KEPT_BACK: Final = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "content-length", "content-encoding"}
    | {"set-cookie", "set-cookie2", "location", "refresh", "alt-svc", "www-authenticate"}
)
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_CONTROLS: Final = re.compile(r"[\x00-\x20\x7f]+")

Fields = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Relayed:
    """A response as it is passed on.

    Args:
        status: The status code.
        headers: By their names in lower case.
        length: How many bytes the body has, where that is known; for a response to HEAD, what the service states.
        has_body: Whether a body follows.
        chunks: The body.
    """

    status: int
    headers: Mapping[str, str]
    length: int | None
    has_body: bool
    chunks: Iterator[bytes] = field(repr=False)


def passed_on(
    operation: str, method: str, status: int, fields: Fields, pieces: Iterator[bytes], secret: str
) -> Relayed:
    """Return the response without the headers of its connection, and with ``secret`` masked.

    Raises:
        InDoubt: Its headers don't state unambiguously where it ends, or its coding can't be searched for the secret.
            The chunks may raise it too.
    """
    received = [(name.lower(), value) for name, value in fields]
    has_body = method != "HEAD" and status not in (204, 304)
    length = _length(operation, status, received)
    codings = _codings(received)
    if codings:
        length = None
        if has_body:
            pieces = _decoded(operation, status, codings, pieces)
    hidden = [form.encode(errors="surrogatepass") for form in forms(secret)]
    return Relayed(status, _headers(received, hidden), length, has_body, _masked(pieces, hidden))


def was_done(status: int) -> bool | None:
    """Return whether a request with this status was processed, or None where its outcome is unknown.

    A proxy's 502, the redirect after a form and a 408 may be sent for a request that was processed.
    """
    if 200 <= status < 300:
        return True
    return False if 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT else None


def _values(received: Fields, name: str) -> list[str]:
    """Return the members of a header that is a list, over all its lines."""
    return [each.strip() for key, value in received if key == name for each in value.split(",")]


def _length(operation: str, status: int, received: Fields) -> int | None:
    """Return the Content-Length. Raises InDoubt for headers that two readers could take for different lengths."""
    lengths, codings = _values(received, "content-length"), _values(received, "transfer-encoding")
    if codings and ([each.lower() for each in codings] != ["chunked"] or lengths):
        raise InDoubt(operation, f"the service answered {status} with an ambiguous transfer coding")
    if not lengths:
        return None
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0], re.ASCII):
        raise InDoubt(operation, f"the service answered {status} with an invalid Content-Length")
    return int(lengths[0])


def _codings(received: Fields) -> list[str]:
    return [each.lower() for each in _values(received, "content-encoding") if each.lower() not in ("", "identity")]


def _headers(received: Fields, hidden: Sequence[bytes]) -> dict[str, str]:
    received = list(received)
    kept_back = _KEPT_BACK | {each.lower() for each in _values(received, "connection")}
    headers: dict[str, str] = {}
    for name, value in received:
        if name in kept_back or not _NAME.fullmatch(name):
            continue
        # A value that spans several lines would add header lines to the answer.
        shown = _shown(_CONTROLS.sub(" ", value).strip(), hidden)
        name = _shown(name, hidden)
        headers[name] = f"{headers[name]}, {shown}" if name in headers else shown
    return headers


def _shown(text: str, hidden: Sequence[bytes]) -> str:
    return _hide(text.encode("latin-1", errors="replace"), hidden).decode("latin-1")


def _decoded(operation: str, status: int, codings: Sequence[str], pieces: Iterator[bytes]) -> Iterator[bytes]:
    unknown = [each for each in codings if each not in _DECODED]
    if unknown or len(codings) > _MOST_CODINGS:
        raise InDoubt(
            operation,
            f"the service answered {status} in a coding that it was not asked for ({capped(', '.join(codings))}), in "
            "which the token could not be masked",
        )
    for coding in reversed(codings):
        pieces = _inflated(operation, coding, pieces)
    return pieces


def _inflated(operation: str, coding: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what is compressed. Raises InDoubt where it is broken or cut short."""
    inflater = _Inflater(coding)
    try:
        for piece in pieces:
            yield from inflater.feed(piece)
    except zlib.error:
        raise InDoubt(operation, "the answer could not be decompressed") from None
    if not inflater.is_whole:
        raise InDoubt(operation, "the answer was cut short")


class _Inflater:
    """Decodes one coding, in pieces of a bounded size."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._engine: zlib._Decompress | None = None
        self._rest = b""

    @property
    def is_whole(self) -> bool:
        """Whether no compressed data is incomplete."""
        return self._engine is None and not self._rest

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what the piece decodes to. Raises zlib.error."""
        self._keep(self._rest + piece)
        while self._rest if self._engine else len(self._rest) > 1:
            engine = self._engine = self._engine or zlib.decompressobj(self._window())
            more = True
            while more:
                inflated = engine.decompress(self._rest, _PIECE)
                self._rest = engine.unconsumed_tail
                more = len(inflated) == _PIECE and not engine.eof
                yield inflated
            if engine.eof:
                self._engine = None
                self._keep(engine.unused_data)

    def _keep(self, rest: bytes) -> None:
        # A gzip file may have several members, and zeros after them.
        between = self._engine is None and self._coding in _GZIP
        self._rest = rest.lstrip(b"\0") if between else rest

    def _window(self) -> int:
        """Return zlib's number for the format; deflate may or may not have the header of zlib."""
        if self._coding in _GZIP:
            return 31
        first, second = self._rest[:2]
        return 15 if first & 0x0F == 8 and (first * 256 + second) % 31 == 0 else -15


def _hide(text: bytes, hidden: Sequence[bytes]) -> bytes:
    """Replace each form by as many asterisks, so that no length changes."""
    for form in hidden:
        if form in text:
            text = text.replace(form, b"*" * len(form))
    return text


def _masked(pieces: Iterator[bytes], hidden: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the pieces masked; what may be the beginning of a form waits for the next piece."""
    rest = b""
    for piece in pieces:
        rest = _hide(rest + piece, hidden)
        begun = max((_begun(rest, form) for form in hidden), default=0)
        ready, rest = rest[: len(rest) - begun], rest[len(rest) - begun :]
        if ready:
            yield ready
    if rest:
        yield rest


def _begun(text: bytes, form: bytes) -> int:
    """Return how many bytes at the end of the text could be the beginning of the form."""
    at = text.find(form[:1], max(0, len(text) - len(form) + 1))
    while at != -1:
        if form.startswith(text[at:]):
            return len(text) - at
        at = text.find(form[:1], at + 1)
    return 0
