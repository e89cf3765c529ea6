"""What of an answer is passed on to a client. Pure: headers and pieces of a body go in and come out.

The client must be able to see where the answer ends, and must not find the token in it that the service was sent.
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
"""What is asked for, since every installation can decode it."""

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
    """An answer as it is passed on: ``headers`` under lower-case names, the body in ``chunks``.

    ``length`` is how many bytes the body has where that is known before it was read; for an answer without a body, what
    the service states for another method.
    """

    status: int
    headers: Mapping[str, str]
    length: int | None
    has_body: bool
    chunks: Iterator[bytes] = field(repr=False)


def passed_on(
    operation: str, method: str, status: int, fields: Fields, pieces: Iterator[bytes], secret: str
) -> Relayed:
    """Return the answer without what belongs to the connection that it came over, and with ``secret`` masked.

    Raises InDoubt where its headers leave open where it ends, or for a coding in which the secret could not be found;
    the chunks may raise it too.
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
    """Return whether a request that was answered so was done, or None where the status leaves it open.

    A proxy's 502 and the redirect after a form may follow what was done, and a 408 what was read in time after all.
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
        raise InDoubt(operation, f"the service answered {status} with a transfer coding that leaves its length open")
    if not lengths:
        return None
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0], re.ASCII):
        raise InDoubt(operation, f"the service answered {status} with a Content-Length that is none")
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


# What the body is decoded from.


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
    """Undoes one coding, in pieces of a bounded size."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._engine: zlib._Decompress | None = None
        self._held = b""

    @property
    def is_whole(self) -> bool:
        """Whether all that was begun has ended."""
        return self._engine is None and not self._held

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what the piece adds. Raises zlib.error."""
        self._hold(self._held + piece)
        while self._held if self._engine else len(self._held) > 1:
            engine = self._engine = self._engine or zlib.decompressobj(self._window())
            more = True
            while more:
                inflated = engine.decompress(self._held, _PIECE)
                self._held = engine.unconsumed_tail
                more = len(inflated) == _PIECE and not engine.eof
                yield inflated
            if engine.eof:
                self._engine = None
                self._hold(engine.unused_data)

    def _hold(self, rest: bytes) -> None:
        # A gzip file may have several members, and zeros after them.
        between = self._engine is None and self._coding in _GZIP
        self._held = rest.lstrip(b"\0") if between else rest

    def _window(self) -> int:
        """Return the format as zlib counts it; what is called deflate comes with or without the header of zlib."""
        if self._coding in _GZIP:
            return 31
        first, second = self._held[:2]
        return 15 if first & 0x0F == 8 and (first * 256 + second) % 31 == 0 else -15


# What is hidden in it.


def _hide(text: bytes, hidden: Sequence[bytes]) -> bytes:
    """Replace each form by as many asterisks, so that no length changes."""
    for form in hidden:
        if form in text:
            text = text.replace(form, b"*" * len(form))
    return text


def _masked(pieces: Iterator[bytes], hidden: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the pieces masked; what may be the beginning of a form waits for what comes next."""
    held = b""
    for piece in pieces:
        held = _hide(held + piece, hidden)
        begun = max((_begun(held, form) for form in hidden), default=0)
        ready, held = held[: len(held) - begun], held[len(held) - begun :]
        if ready:
            yield ready
    if held:
        yield held


def _begun(text: bytes, form: bytes) -> int:
    """Return how many bytes at the end of the text could be the beginning of the form."""
    at = text.find(form[:1], max(0, len(text) - len(form) + 1))
    while at != -1:
        if form.startswith(text[at:]):
            return len(text) - at
        at = text.find(form[:1], at + 1)
    return 0
