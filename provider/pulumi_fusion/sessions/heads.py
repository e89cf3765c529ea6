"""The head of a client's request, read as strictly as RFC 9112 writes it.

What two readers could take apart in different ways is refused: a request is checked here and then rewritten, and the
next one must begin where this one ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO, Final

__all__ = ["LARGEST_HEAD", "Head", "Malformed", "read_head"]

# Common servers take 8 KiB to 64 KiB for a head, and about a hundred fields.
LARGEST_HEAD: Final = 32 * 1024
MOST_FIELDS: Final = 100

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE: Final = re.compile(rb"(%b) ([!-~\x80-\xff]+) HTTP/1\.([01])" % _TOKEN)
_FIELD: Final = re.compile(rb"(%b):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*" % _TOKEN)
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
# Of these a second one would be read by some, and the first one by others.
_ONCE: Final = ("host", "authorization", "content-length", "transfer-encoding", "expect")


class Malformed(Exception):
    """A request that is answered with ``status`` (int) and not passed on, and why (a clause)."""

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


@dataclass(frozen=True)
class Head:
    """A request line and the fields below it, whose names are in lower case."""

    method: str
    target: str
    version: str
    fields: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """Return the values of all fields of this name."""
        return [value for each, value in self.fields if each == name]

    def value(self, name: str) -> str | None:
        """Return the value of the first field of this name."""
        return next(iter(self.values(name)), None)

    @property
    def is_last(self) -> bool:
        """Whether the connection ends with the answer. Before HTTP/1.1 it does, whatever the client asks for."""
        options = {option.strip().lower() for value in self.values("connection") for option in value.split(",")}
        return self.version != "1.1" or "close" in options

    @property
    def waits(self) -> bool:
        """Whether the client waits to be asked for the body. Raises Malformed where it expects something else."""
        expected = self.value("expect")
        if expected is None or self.version != "1.1":
            return False
        if expected.lower() != "100-continue":
            raise Malformed(417, "it expects something else than 100-continue")
        return True

    def body_length(self) -> int | None:
        """Return how long the body is: 0 without one, None for one in chunks. Raises Malformed."""
        coding, length = self.value("transfer-encoding"), self.value("content-length")
        if coding is None:
            if length is not None and not re.fullmatch("[0-9]{1,18}", length, re.ASCII):
                raise Malformed(400, "its Content-Length is none")
            return int(length or "0")
        # Of "gzip, chunked" the chunks alone would be undone, and nothing would say that the rest is gzip.
        if coding.lower() != "chunked":
            raise Malformed(
                501, "its Transfer-Encoding is not chunked alone; say Content-Encoding for a body that is compressed"
            )
        if length is not None or self.version != "1.1":
            raise Malformed(400, "it has two lengths, or chunks before HTTP/1.1")
        return None


def read_head(stream: BinaryIO) -> Head | None:
    """Read the head of the next request, or return None where none comes. Raises Malformed."""
    left = LARGEST_HEAD
    line = _line(stream, left)
    if line == b"":  # as some clients send after a body: RFC 9112, 2.2
        line = _line(stream, left)
    if line is None:
        return None
    found = _REQUEST_LINE.fullmatch(line)
    if not found:
        raise Malformed(400, "it does not begin with a method, a path and HTTP/1.1")
    fields: list[tuple[str, str]] = []
    while True:
        left -= len(line) + 2
        line = _line(stream, left)
        if not line:
            break
        fields.append(_field(line))
    if line is None:
        raise Malformed(400, "its head was cut short")
    names = [name for name, _ in fields]
    if doubled := [name for name in _ONCE if names.count(name) > 1]:
        raise Malformed(400, f"it has more than one {doubled[0]}")
    if len(fields) > MOST_FIELDS:
        raise Malformed(431, f"it has more than {MOST_FIELDS} header fields")
    # Before the path is read as Latin-1, whose letters would be encoded as UTF-8 once more on the way out.
    target = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], found[2])
    return Head(found[1].decode(), target.decode(), f"1.{found[3].decode()}", tuple(fields))


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if not found:
        # A line that begins with a space continues the one before for some readers and is skipped by others.
        raise Malformed(400, "one of its header lines is not a name, a colon and a value")
    return found[1].decode().lower(), found[2].decode("latin-1")


def _line(stream: BinaryIO, left: int) -> bytes | None:
    """Return a line without its end, or None where the client sent no more. Raises Malformed."""
    if left <= 0:
        raise Malformed(431, f"its head is larger than {LARGEST_HEAD // 1024} KiB")
    line = stream.readline(left + 1)
    if not line:
        return None
    if len(line) > left:
        raise Malformed(431, f"its head is larger than {LARGEST_HEAD // 1024} KiB")
    # A bare line feed ends a line for some readers, a bare carriage return for others.
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        raise Malformed(400, "one of its lines does not end with CR and LF")
    return line[:-2]
