"""The body of a child's request, read while it is sent on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Body", "SizedBody", "chunks", "exactly"]


class Body:
    """A body that is read from the child while it is sent on: all that ``requests`` asks of a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def read(self, size: int) -> bytes:
        """As many bytes, or fewer at the end."""
        while len(self._rest) < size and (chunk := next(self._chunks, None)) is not None:
            self._rest += chunk
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


class SizedBody(Body):
    """A body whose length is known."""

    def __init__(self, chunks: Iterator[bytes], length: int) -> None:
        super().__init__(chunks)
        self._length = length

    def __len__(self) -> int:
        return self._length


def exactly(stream: Any, length: int) -> Iterator[bytes]:
    """Yield so many bytes as they come. Raises OSError where there are fewer."""
    while length:
        chunk = stream.read1(min(length, 64 * 1024))
        if not chunk:
            raise OSError("the child left in the middle of its request")
        length -= len(chunk)
        yield chunk


def chunks(stream: Any) -> Iterator[bytes]:
    """Yield the pieces of a chunked body (RFC 9112, 7.1). Raises OSError for anything else."""
    while True:
        size, _, _ = stream.readline(1024).partition(b";")
        try:
            length = int(size, 16)
        except ValueError:
            raise OSError("the child sent no chunk") from None
        if length <= 0:
            break
        yield from exactly(stream, length)
        stream.readline(3)
    while stream.readline(1024).strip():
        pass
