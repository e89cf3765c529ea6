"""A client of a session's endpoint: the vendor's token exchange, and requests as bytes."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any, BinaryIO

import jwt
import requests

from pulumi_fusion.sessions.endpoint import Endpoint


def secret(endpoint: Endpoint) -> dict[str, str]:
    fields: dict[str, str] = json.loads(base64.b64decode(endpoint.netosecret.reveal(), validate=True))
    return fields


def signed(fields: dict[str, str], **claims: Any) -> dict[str, str]:
    """Return a request token as in the vendor's recipes: https://docs.netography.com/docs/jwt-authentication-shell."""
    payload = {"iat": str(int(time.time())), "jti": 12345, **{k: fields[k] for k in ("appname", "appkey", "shortname")}}
    return {"jwt": jwt.encode({**payload, **claims}, fields["sharedsecret"], algorithm="HS256")}


def bearer(endpoint: Endpoint) -> dict[str, str]:
    fields = secret(endpoint)
    answer = requests.post(f"{fields['url']}/auth/token", json=signed(fields), timeout=10)
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def head(endpoint: Endpoint, line: str, *more: str, token: str | None = None) -> bytes:
    """Return the head of a request: its line, the required headers, and more of them."""
    fields = [line, f"Host: 127.0.0.1:{endpoint.port}"]
    if token is not None:
        fields.append(f"Authorization: {token}")
    return "".join(f"{each}\r\n" for each in (*fields, *more, "")).encode("latin-1")


def connected(endpoint: Endpoint) -> socket.socket:
    return socket.create_connection(("127.0.0.1", endpoint.port), timeout=20)


def raw(endpoint: Endpoint, request: bytes) -> bytes:
    """Send the request, and return what the endpoint sends until it closes the connection."""
    with connected(endpoint) as connection:
        connection.sendall(request)
        return rest(connection)


def rest(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


@dataclass(frozen=True)
class Got:
    """A response; ``whole`` is false if the connection ended in the middle."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool = True


def received(stream: BinaryIO, *methods: str) -> list[Got]:
    """Return the responses to requests by these methods, parsed strictly, until the connection ends.

    Raises AssertionError for bytes that follow the last one and for anything that isn't HTTP.
    """
    answers = []
    for method in methods:
        line = stream.readline()
        if not line:
            break
        found = re.fullmatch(rb"HTTP/1\.1 ([1-5][0-9]{2}) [^\r\n]*\r\n", line)
        assert found, line
        headers: dict[str, str] = {}
        while (line := stream.readline()) != b"\r\n":
            field = re.fullmatch(rb"([!-9;-~]+): ([^\r\n\0]*)\r\n", line)
            assert field, line
            name = field[1].decode().lower()
            assert name not in headers
            headers[name] = field[2].decode("latin-1")
        got = Got(int(found[1]), headers, b"")
        answers.append(got if method == "HEAD" or got.status in (204, 304) else _with_body(stream, got))
        if not answers[-1].whole or headers.get("connection") == "close":
            break
    assert stream.read() == b""
    return answers


def _with_body(stream: BinaryIO, got: Got) -> Got:
    if "transfer-encoding" in got.headers:
        assert got.headers["transfer-encoding"] == "chunked"
        assert "content-length" not in got.headers
        body, whole = _chunks(stream)
    elif "content-length" in got.headers:
        length = int(got.headers["content-length"])
        body = stream.read(length)
        whole = len(body) == length
    else:
        assert got.headers["connection"] == "close"
        body, whole = stream.read(), True
    return Got(got.status, got.headers, body, whole)


def _chunks(stream: BinaryIO) -> tuple[bytes, bool]:
    body = b""
    while line := stream.readline():
        assert re.fullmatch(rb"[0-9a-f]+\r\n", line), line
        size = int(line, 16)
        piece = stream.read(size + 2)
        if len(piece) < size + 2:
            return body + piece[:size], False
        assert piece.endswith(b"\r\n")
        if size == 0:
            return body, True
        body += piece[:-2]
    return body, False
