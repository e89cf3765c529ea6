"""Read a client's requests, as strictly as RFC 9112 is written.

httptools (llhttp, the parser of Node.js) finds the fields and the body. A request that two servers could read
differently is refused, since it is checked here and then rewritten, and the next one must begin where it ends. Checked
by hand is only what the parser accepts: blank lines and spaces before a path, versions other than 1.0 and 1.1, repeated
fields, transfer codings other than chunked, requests for another protocol, and any size.
"""

from __future__ import annotations

import re
from io import BufferedIOBase
from typing import Final

import httptools

from pulumi_fusion.sessions.bounds import RefusedKind

__all__ = ["LARGEST_HEAD", "MalformedError", "Request"]

# Common servers accept 8 to 64 KiB for a head, and about a hundred fields.
LARGEST_HEAD: Final = 32 * 1024
_MOST_FIELDS: Final = 100
# The line before a chunk: its size and an extension, which no known client sends.
_LARGEST_CHUNK_LINE: Final = 1024
_PIECE: Final = 64 * 1024

# One blank line may come first, as some clients send it after a body (RFC 9112, 2.2).
_REQUEST_LINE: Final = re.compile(rb"(?:\r\n)?(\S+) \S+ HTTP/1\.([01])\r\n")
# The protocol is never switched, but the parser would expect that and end the request before its body.
_UPGRADE: Final = re.compile(rb"(?<=\n)upgrade(?=:)", re.IGNORECASE)
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
# Some servers read the first of several, others the last.
_UNIQUE: Final = ("host", "authorization", "content-length", "transfer-encoding", "expect")


class MalformedError(Exception):
    """A request that isn't passed on: the ``status`` of the response, and the reason as a clause."""

    def __init__(self, status: int, why: str, kind: RefusedKind = "malformed requests") -> None:
        super().__init__(why)
        self.status = status
        self.kind = kind


class Request:
    """A request of a client: :meth:`read_head` sets the attributes, then :meth:`read` returns the body.

    ``fields`` has lower-case names. ``length`` is that of the body in bytes, None for a body in chunks. The client of
    one that ``expects_continue`` sends the body after a response 100. The connection ends after one that ``is_last``.
    Both methods raise MalformedError for what is refused, and OSError if the client leaves or is too slow.
    """

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream
        self._parser = httptools.HttpRequestParser(_Callbacks(self))
        # RFC 9112, 7.1.1, requires it.
        self._parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        self.method = self.target = ""
        self.is_http_1_1 = self.is_last = self.expects_continue = False
        self.is_whole: bool = False
        self.fields: dict[str, list[str]] = {}
        self.length: int | None = 0
        self._unread = 0
        self.parsed = b""  # of the body, not returned yet

    def value(self, name: str) -> str:
        """Return the value of the first field of this name, "" without one."""
        return self.fields.get(name, [""])[0]

    def read_head(self) -> None:
        """Read the head and set the attributes."""
        head = self._head()
        found = _REQUEST_LINE.match(head)
        if found is None:
            raise MalformedError(400, "it doesn't begin with a method, a path and HTTP/1.1")
        self.method, self.is_http_1_1 = found[1].decode("latin-1"), found[2] == b"1"
        # Some tools send a path in UTF-8; the parser accepts it in percent-encoding only.
        line = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], found[0])
        self._parse(line + _UPGRADE.sub(b"x-upgrade", head[found.end() - 1 :])[1:])
        self._unread = self.length or 0
        if self.length is None and not self.is_http_1_1:
            raise MalformedError(400, "it has chunks before HTTP/1.1")
        self.expects_continue = self.is_http_1_1 and "expect" in self.fields
        if self.expects_continue and self.value("expect").lower() != "100-continue":
            raise MalformedError(417, "it expects something else than 100-continue")

    def read(self, size: int) -> bytes:
        """Return the next bytes of the body, fewer than ``size`` only at its end."""
        while len(self.parsed) < size and not self.is_whole:
            before = len(self.parsed)
            # Neither reaches into the next request: chunks end with a line.
            if self.length is None:
                piece = self._stream.readline(_PIECE)
            else:
                piece = self._stream.read1(min(self._unread, _PIECE))
                self._unread -= len(piece)
            if not piece:
                raise ConnectionError("the client left in the middle of its request")
            self._parse(piece)
            if len(piece) > _LARGEST_CHUNK_LINE and len(self.parsed) == before:
                raise MalformedError(400, f"one of its chunks begins with more than {_LARGEST_CHUNK_LINE} bytes")
        piece, self.parsed = self.parsed[:size], self.parsed[size:]
        return piece

    def _head(self) -> bytes:
        head = b""
        while not head.endswith((b"\n\r\n", b"\n\n")):
            line = self._stream.readline(LARGEST_HEAD)
            head += line
            if len(head) > LARGEST_HEAD:
                raise MalformedError(431, f"its head is larger than {LARGEST_HEAD // 1024} KiB")
            if not line:
                raise MalformedError(400, "its head is cut short")
        return head

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise MalformedError(403, "it asks for another protocol", "methods") from None
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserInvalidMethodError:
            raise MalformedError(403, "its method is unknown", "methods") from None
        except httptools.HttpParserInvalidURLError:
            raise MalformedError(403, "its target isn't a path of the API", "malformed paths") from None
        except httptools.HttpParserError as error:
            raise MalformedError(400, f"it isn't valid HTTP: {error}") from None

    def head_is_complete(self) -> None:
        """Note what the parser knows only between the head and the body."""
        # Before HTTP/1.1 the connection ends, whatever the client asks for.
        self.is_last = not (self.is_http_1_1 and self._parser.should_keep_alive())


class _Callbacks:
    """What the parser calls, in the order of the request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._in_body = False
        self._count = 0

    def on_url(self, target: bytes) -> None:
        self._request.target += target.decode()

    def on_header(self, raw_name: bytes, raw_value: bytes) -> None:
        self._count += 1
        if self._count > _MOST_FIELDS:
            raise MalformedError(431, f"it has more than {_MOST_FIELDS} header fields")
        if not self._in_body:  # otherwise it is a trailer, which isn't passed on
            self._add(raw_name.decode().lower(), raw_value.decode("latin-1").strip(" \t"))

    def _add(self, name: str, value: str) -> None:
        values = self._request.fields.setdefault(name, [])
        values.append(value)
        if name in _UNIQUE and len(values) > 1:
            raise MalformedError(400, f"it has more than one {name}")
        if name == "content-length":
            self._request.length = int(value)
        elif name == "transfer-encoding":
            self._request.length = None
            # Of "gzip, chunked" only the chunks would be decoded, and nothing would show that the rest is gzip.
            if value.lower() != "chunked":
                raise MalformedError(
                    501,
                    "its Transfer-Encoding is not chunked alone; use Content-Encoding for a body that is compressed",
                )

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._request.head_is_complete()

    def on_body(self, piece: bytes) -> None:
        self._request.parsed += piece

    def on_message_complete(self) -> None:
        self._request.is_whole = True
