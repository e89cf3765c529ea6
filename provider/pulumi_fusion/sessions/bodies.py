"""The body of a client's request, read while it is sent on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from pulumi_fusion.sessions.heads import Malformed

__all__ = ["Body", "SizedBody"]

_PIECE: Final = 64 * 1024
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n]*)?\r\n")
_MOST_TRAILERS: Final = 100


class Body:
    """A body in chunks, read from ``stream`` while it is sent on: all that ``requests`` asks of a stream.

    ``begin`` is called before the first byte is read. Reading raises OSError where the client leaves in the middle, and
    Malformed for what cannot be a body.
    """

    def __init__(self, stream: Any, begin: Callable[[], None]) -> None:
        self._begin = begin
        self._pieces = self._read(stream)
        self._rest = b""
        self.is_over = False
        """Whether it was read to its end, so that the next request begins there."""

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def read(self, size: int) -> bytes:
        """Return as many bytes, or fewer at the end."""
        while len(self._rest) < size and (piece := next(self._pieces, None)) is not None:
            self._rest += piece
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def _read(self, stream: Any) -> Iterator[bytes]:
        self._begin()
        yield from self._content(stream)
        self.is_over = True

    def _content(self, stream: Any) -> Iterator[bytes]:
        return _chunks(stream)


class SizedBody(Body):
    """A body whose length is known."""

    def __init__(self, stream: Any, begin: Callable[[], None], length: int) -> None:
        super().__init__(stream, begin)
        self._length = length

    def __len__(self) -> int:
        return self._length

    def _content(self, stream: Any) -> Iterator[bytes]:
        return _exactly(stream, self._length)


def _exactly(stream: Any, length: int) -> Iterator[bytes]:
    while length:
        piece = stream.read1(min(length, _PIECE))
        if not piece:
            raise OSError("the client left in the middle of its request")
        length -= len(piece)
        yield piece


def _chunks(stream: Any) -> Iterator[bytes]:
    """Yield what is in the chunks (RFC 9112, 7.1), without their extensions and trailers: nothing here knows any."""
    while True:
        found = _CHUNK.fullmatch(_line(stream))
        if not found:
            raise Malformed(400, "its head announces chunks, and its body has none")
        length = int(found[1], 16)
        if not length:
            break
        yield from _exactly(stream, length)
        if stream.read(2) != b"\r\n":
            raise Malformed(400, "one of its chunks is longer than its size")
    for _ in range(_MOST_TRAILERS):
        if _line(stream) == b"\r\n":
            return
    raise Malformed(431, "its body ends with too many trailers")


def _line(stream: Any) -> bytes:
    line: bytes = stream.readline(1024)
    if not line:
        raise OSError("the client left in the middle of its request")
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        raise Malformed(400, "one of the lines of its body does not end with CR and LF")
    return line
