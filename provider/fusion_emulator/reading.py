"""Read requests from a connection so that each ends where RFC 9112 defines its end, or is refused.

httptools (llhttp, the parser of Node.js) reads the fields and the chunks. What two servers could read differently,
such as two lengths of one body, is refused and ends the connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Final

import httptools

from fusion_emulator.errors import Refused

__all__ = ["MAX_SNAPSHOT", "Request"]

MAX_BODY: Final = 1 << 20
"""Bytes."""

MAX_SNAPSHOT: Final = 1 << 26
"""Bytes of a body that replaces the whole state: about 100 000 accounts."""

_MAX_HEAD: Final = 64 * 1024
_SNAPSHOT: Final = ("PUT", "/_emulator/snapshot")

_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~\x80-\xff]+) HTTP/(\d)\.(\d)\r?\n")
_ABSOLUTE: Final = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
# The service stays with HTTP/1.1, but the parser would expect another protocol after the head.
_UPGRADE: Final = re.compile(rb"^upgrade(?=:)", re.IGNORECASE | re.MULTILINE)
# The parser answers other codings as a malformed request.
_CODING: Final = re.compile(rb"^transfer-encoding:(.*)$", re.IGNORECASE | re.MULTILINE)
# They describe the connection and not the request, or differ from another field only by WSGI's spelling.
_CONNECTION_FIELDS: Final = ("connection", "content-length", "expect", "transfer-encoding", "x-upgrade")


@dataclass
class Request:
    """A request, which ``read_head`` and then ``read_body`` read.

    ``method`` and ``target`` are empty until they are known; ``is_last`` means that the connection ends after it.
    """

    stream: BufferedIOBase
    method: str = ""
    target: str = ""
    is_http_1_1: bool = True
    is_last: bool = True

    def __post_init__(self) -> None:
        """Prepare the parser, whose callbacks are below."""
        self._parser = httptools.HttpRequestParser(self)
        # RFC 9112, section 7.1.1, requires it.
        self._parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
        self._fields: list[tuple[str, str]] = []
        self._in_body = self._is_whole = False
        self._chunks: list[bytes] = []
        self._length = 0

    @property
    def path(self) -> str:
        """The target without its query, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query of the target, percent-encoded."""
        return self.target.partition("?")[2]

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The header fields that are not about the connection, in their order."""
        return [(name, value) for name, value in self._fields if name not in _CONNECTION_FIELDS and "_" not in name]

    @property
    def expects_continue(self) -> bool:
        """Whether the client sends its body after a response 100."""
        return self.is_http_1_1 and bool(self.values("expect")) and (self._is_chunked or self._length > 0)

    def values(self, name: str) -> list[str]:
        """Return the values of the fields of this name, which is in lower case."""
        return [value for each, value in self._fields if each == name]

    def value(self, name: str) -> str | None:
        """Return the values of the fields of this name, which is in lower case, as one; None without any."""
        return ", ".join(self.values(name)) or None

    def read_head(self) -> bool:
        """Read the request line and the fields.

        Returns:
            False if the client closed the connection instead.

        Raises:
            Refused: The request is malformed, too large, or needs what the service does not support.
        """
        line = self.stream.readline(_MAX_HEAD)
        if line in (b"\r\n", b"\n"):
            # Some clients send a blank line after a body (RFC 9112, section 2.2).
            line = self.stream.readline(_MAX_HEAD)
        if not line:
            return False
        found = _REQUEST_LINE.fullmatch(line)
        if found is None:
            # Before the next line is read: the first bytes of TLS have one line and no more.
            raise Refused(414 if len(line) >= _MAX_HEAD else 400, "The request line is malformed or too long")
        self.method = found[1].decode()
        self.target = _NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], found[2]).decode()
        if found[3] != b"1":
            raise Refused(505, "Only HTTP/1.1 and HTTP/1.0 are supported")
        self.is_http_1_1 = found[4] != b"0"
        head = self._rest_of_head()
        if any(coding.strip().lower() != b"chunked" for coding in _CODING.findall(head)):
            raise Refused(501, "Transfer-Encoding: only chunked is supported")
        # A constant line: the parser knows fewer methods than the service answers.
        self._feed(b"POST / HTTP/1.1\r\n" + _UPGRADE.sub(b"x-upgrade", head))
        self._require_supported()
        self._require_host()
        options = ",".join(self.values("connection")).lower().split(",")
        self.is_last = not self.is_http_1_1 or "close" in (option.strip() for option in options)
        return True

    def read_body(self) -> bytes:
        """Return the whole body.

        Raises:
            Refused: The chunks are malformed or the body is too large.
            ConnectionResetError: The client disconnected within it.
        """
        if not self._is_chunked:
            body = self.stream.read(self._length)
            if len(body) < self._length:
                raise ConnectionResetError("the client disconnected within its body")
            return body
        read = 0
        while not self._is_whole:
            # A body in chunks ends with a line, so no line of it has bytes of the next request.
            line = self.stream.readline(_MAX_HEAD)
            if not line:
                raise ConnectionResetError("the client disconnected within its body")
            self._feed(line)
            read += len(line)
            # What chunks of one byte each need for a body of the maximum size, with their lines.
            if self._length > self._maximum or read > 6 * self._maximum + _MAX_HEAD:
                raise Refused(413, "The body is too large")
        return b"".join(self._chunks)

    @property
    def _maximum(self) -> int:
        """The bytes that the body may have."""
        return MAX_SNAPSHOT if (self.method, self.path) == _SNAPSHOT else MAX_BODY

    @property
    def _is_chunked(self) -> bool:
        return bool(self.values("transfer-encoding"))

    def _rest_of_head(self) -> bytes:
        lines: list[bytes] = []
        size = 0
        while not lines or lines[-1] not in (b"\r\n", b"\n"):
            lines.append(self.stream.readline(_MAX_HEAD))
            size += len(lines[-1])
            if size > _MAX_HEAD:
                raise Refused(431, "The header fields are too large")
            if not lines[-1]:
                raise ConnectionResetError("the client disconnected within its head")
        return b"".join(lines)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise Refused(400, f"The request is not valid HTTP: {error}") from None

    def _require_supported(self) -> None:
        """Raise Refused for a body or an expectation that the service does not support."""
        if self._is_chunked and not self.is_http_1_1:
            raise Refused(400, "Transfer-Encoding needs HTTP/1.1")
        self._length = int(self.values("content-length")[0]) if self.values("content-length") else 0
        if self._length > self._maximum:
            raise Refused(413, "The body is too large")
        if any(value.lower() != "100-continue" for value in self.values("expect")):
            raise Refused(417, "Expect: only 100-continue is supported")

    def _require_host(self) -> None:
        """Raise Refused unless one host is named, as RFC 9112, section 3.2, requires."""
        hosts = self.values("host")
        if len(hosts) > 1 or (self.is_http_1_1 and not hosts):
            raise Refused(400, "The request needs one Host")
        found = _ABSOLUTE.fullmatch(self.target)
        if found is not None:
            self.target = found[2] if found[2].startswith("/") else f"/{found[2]}"
            self._fields = [each for each in self._fields if each[0] != "host"] + [("host", found[1])]

    # The callbacks of the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field, and no trailer."""
        if not self._in_body:
            self._fields.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        """Begin the body."""
        self._in_body = True

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of a body in chunks."""
        self._chunks.append(piece)
        self._length += len(piece)

    def on_message_complete(self) -> None:
        """End the body."""
        self._is_whole = True
