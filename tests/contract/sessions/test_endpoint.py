"""The loopback side of a session: what a child can ask there, with any client, and what it cannot."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from pulumi_fusion import FusionClient
from pulumi_fusion.emulator import Emulator
from pulumi_fusion.errors import Forbidden, NotSent, Unauthorized
from pulumi_fusion.sessions.access import Access, open_access
from pulumi_fusion.sessions.audit import AuditLog
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.terms import Terms

TERMS = Terms("acme-corp", "INC-1234 ingest check")


@pytest.fixture
def access(fusion: FusionClient, emulator: Emulator) -> Iterator[Access]:
    opened = open_access(fusion, TERMS)
    emulator.requests.clear()
    yield opened
    opened.close()


@pytest.fixture
def endpoint(access: Access, fusion: FusionClient) -> Iterator[Endpoint]:
    running = Endpoint(access)
    running.start()
    yield running
    fusion.close()
    running.close()


@pytest.fixture
def writing(fusion: FusionClient) -> Iterator[Endpoint]:
    opened = open_access(fusion, Terms("acme-corp", "INC-1234 ingest check", write=True))
    running = Endpoint(opened)
    running.start()
    yield running
    opened.close()
    running.close()


def secret(endpoint: Endpoint) -> dict[str, str]:
    fields: dict[str, str] = json.loads(base64.b64decode(endpoint.netosecret.reveal(), validate=True))
    return fields


def signed(fields: dict[str, str], **claims: Any) -> dict[str, str]:
    """A request token as the vendor's recipes make it: https://docs.netography.com/docs/jwt-authentication-shell."""
    payload = {"iat": str(int(time.time())), "jti": 12345, **{k: fields[k] for k in ("appname", "appkey", "shortname")}}
    return {"jwt": jwt.encode({**payload, **claims}, fields["sharedsecret"], algorithm="HS256")}


def bearer(endpoint: Endpoint) -> dict[str, str]:
    fields = secret(endpoint)
    answer = requests.post(f"{fields['url']}/auth/token", json=signed(fields), timeout=10)
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_the_synthetic_credential_looks_like_the_vendors_own(endpoint: Endpoint, emulator: Emulator) -> None:
    fields = secret(endpoint)
    assert list(fields) == ["url", "shortname", "appname", "appkey", "sharedsecret"]
    assert fields["shortname"] == "acme-corp"
    padded = emulator.netosecret + "=" * (-len(emulator.netosecret) % 4)
    real = json.loads(base64.b64decode(padded))
    assert not {*real.values()} & {*fields.values()}


def test_our_own_client_works_unchanged_inside_the_customer(endpoint: Endpoint, emulator: Emulator) -> None:
    with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=20) as inside:
        assert [each.shortname for each in inside.list_customers()] == ["acme-east"]
        with pytest.raises(Forbidden, match="the session is read-only"):
            inside.delete_customer("acme-east")
        assert inside.list_users()
    assert {each.method for each in emulator.requests} == {"GET"}
    assert endpoint.access.counts()["requests"] == {"GET": 2}
    assert endpoint.access.counts()["refused"] == {"writes": 1}


def test_the_vendors_way_of_asking_works(endpoint: Endpoint) -> None:
    """One token, kept for ever; the url cut before /api/v1; JSON headers on everything."""
    fields = secret(endpoint)
    base = fields["url"].replace("/api/v1", "")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = requests.post(f"{base}/api/v1/auth/token", json=signed(fields), headers=headers, timeout=5)
    token = answer.json()
    assert set(token) == {"access_token", "expires_in", "token_type"}
    assert 0 < token["expires_in"] <= 900
    headers["Authorization"] = f"Bearer {token['access_token']}"
    assert requests.get(f"{base}/api/v1/users", headers=headers, timeout=5).json()["data"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_are_refused_before_anything_leaves(endpoint: Endpoint, emulator: Emulator, method: str) -> None:
    answer = requests.request(
        method, f"{endpoint.url}/api/v1/customer/acme-east", headers=bearer(endpoint), json={}, timeout=10
    )
    assert answer.status_code == 403
    assert "the session is read-only" in answer.json()["message"]
    assert len(emulator.requests) == 0


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_makes_a_write_of_a_read(endpoint: Endpoint, header: str) -> None:
    seen: list[bytes] = []
    with listening(seen) as url:
        endpoint.access.client._transport.base_url = url
        asked = {**bearer(endpoint), header: "DELETE", "Cookie": "a=b", "X-Forwarded-For": "10.0.0.1"}
        requests.get(f"{endpoint.url}/api/v1/users", headers=asked, timeout=10)
    assert seen[0].startswith(b"GET /api/v1/users HTTP/1.1")
    for name in (header, "Cookie", "X-Forwarded-For"):
        assert name.lower().encode() not in seen[0].lower()


@pytest.mark.parametrize("kind", [{"Content-Type": "application/x-www-form-urlencoded"}, {}])
def test_no_form_makes_a_write_of_a_query(endpoint: Endpoint, kind: dict[str, str]) -> None:
    seen: list[bytes] = []
    with listening(seen) as url:
        endpoint.access.client._transport.base_url = url
        asked = {**bearer(endpoint), **kind}
        requests.post(f"{endpoint.url}/api/v1/search/flow", headers=asked, data=b"_method=DELETE", timeout=10)
    assert seen[0].lower().count(b"content-type: application/json\r\n") == 1
    assert b"form-urlencoded" not in seen[0]


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/users"), ("POST", "/api/v1/search/flow")])
def test_a_server_that_overlooks_a_body_makes_no_write_of_it(endpoint: Endpoint, method: str, path: str) -> None:
    """The body is the beginning of a request, which the next one over the same connection would complete."""
    seen: list[bytes] = []
    headers = bearer(endpoint)
    with listening(seen, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as url:
        endpoint.access.client._transport.base_url = url
        smuggled = b"DELETE /api/v1/customer/acme-east HTTP/1.1\r\nX-Rest: "
        assert requests.request(method, f"{endpoint.url}{path}", headers=headers, data=smuggled, timeout=10).ok
        with contextlib.suppress(requests.RequestException):
            requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=1)
    [connection] = seen
    assert connection.count(b"Authorization: Bearer ") == 1


GUARDS = {
    "If-Match": '"one", "two"',
    "If-Unmodified-Since": "Fri, 27 Nov 2026 12:00:00 GMT",
    "If-None-Match": "*",
    "If-Modified-Since": "Fri, 27 Nov 2026 11:00:00 GMT",
    "Idempotency-Key": '"a-key"',
    "Prefer": "return=minimal",
    "Cache-Control": "no-cache",
    "Accept-Language": "de",
    "Content-Language": "en",
}


def lines(request: bytes) -> list[str]:
    return request.partition(b"\r\n\r\n")[0].decode("latin-1").lower().split("\r\n")


def test_what_guards_a_write_is_passed_on(writing: Endpoint) -> None:
    """A service that never sees If-Match overwrites what somebody else changed."""
    seen: list[bytes] = []
    headers = {**bearer(writing), **GUARDS}
    with listening(seen) as url:
        writing.access.client._transport.base_url = url
        requests.put(f"{writing.url}/api/v1/customer/acme-east", headers=headers, json={}, timeout=10)
    assert {f"{name}: {value}".lower() for name, value in GUARDS.items()} <= {*lines(seen[0])}


def test_a_list_over_several_lines_is_passed_on_whole(writing: Endpoint) -> None:
    seen: list[bytes] = []
    token = bearer(writing)["Authorization"]
    asked = 'DELETE /api/v1/customer/acme-east HTTP/1.1\r\nIf-Match: "one"\r\nIf-Match: "two"\r\n'
    asked += "Content-Type: application/json\r\nContent-Type: text/html\r\n"
    asked += f"Host: 127.0.0.1:{writing.port}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
    with listening(seen) as url:
        writing.access.client._transport.base_url = url
        assert raw(writing, asked.encode()).split(b" ")[1] == b"204"
    assert 'if-match: "one", "two"' in lines(seen[0])
    assert "content-type: application/json" in lines(seen[0])


def test_a_part_of_an_answer_cannot_be_had(endpoint: Endpoint) -> None:
    """In parts the token could be fetched unmasked, from a service that shows what it was sent."""
    seen: list[bytes] = []
    headers = {**bearer(endpoint), "Range": "bytes=0-9", "If-Range": '"one"'}
    with listening(seen) as url:
        endpoint.access.client._transport.base_url = url
        requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    assert not [line for line in lines(seen[0]) if line.startswith(("range:", "if-range:"))]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("session", ["endpoint", "writing"])
def test_a_compressed_body_arrives_as_it_was_sent(
    request: pytest.FixtureRequest, session: str, *, chunked: bool
) -> None:
    running: Endpoint = request.getfixturevalue(session)
    seen: list[bytes] = []
    packed = gzip.compress(b'{"size": 1}')
    headers = {**bearer(running), "Content-Type": "application/json", "Content-Encoding": "gzip"}
    with listening(seen) as url:
        running.access.client._transport.base_url = url
        data = iter([packed[:7], packed[7:]]) if chunked else packed
        requests.post(f"{running.url}/api/v1/search/flow", headers=headers, data=data, timeout=10)
    assert "content-encoding: gzip" in lines(seen[0])
    assert (packed[:7] in seen[0] and packed[7:] in seen[0]) if chunked else seen[0].endswith(packed)


@pytest.mark.parametrize("coding", ["gzip, chunked", "xchunked", "identity", "chunked\r\nTransfer-Encoding: chunked"])
def test_a_transfer_coding_that_would_be_lost_is_refused(writing: Endpoint, emulator: Emulator, coding: str) -> None:
    token = bearer(writing)["Authorization"]
    emulator.requests.clear()
    asked = f"PUT /api/v1/customer/acme-east HTTP/1.1\r\nTransfer-Encoding: {coding}\r\n"
    asked += f"Host: 127.0.0.1:{writing.port}\r\nAuthorization: {token}\r\n\r\n0\r\n\r\n"
    answer = raw(writing, asked.encode())
    assert answer.split(b" ")[1] == b"403"
    assert b"its Transfer-Encoding is not chunked alone" in answer
    assert len(emulator.requests) == 0


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/api/v1/users?name=Müller", "/api/v1/users?name=M%C3%BCller"),
        ("/api/v1/users?name=à…\u00c5&x=%20", "/api/v1/users?name=%C3%A0%E2%80%A6%C3%85&x=%20"),
        ("/api/v1/users?name=M%C3%BCller", "/api/v1/users?name=M%C3%BCller"),
        ("/api/v1/labels/ips/Büro", "/api/v1/labels/ips/B%C3%BCro"),
        ("/api/v1/users?share=100%&name=a%20b", "/api/v1/users?share=100%25&name=a%20b"),
        ("/api/v1/users?share=5%zz&name=a%20b", "/api/v1/users?share=5%25zz&name=a%20b"),
        ("/api/v1/users?a=%2B+b&c=%26", "/api/v1/users?a=%2B+b&c=%26"),
    ],
)
def test_a_path_is_encoded_once(endpoint: Endpoint, asked: str, sent: str) -> None:
    """Also in bytes that are no ASCII, as some tools send them, and that Latin-1 takes for white space."""
    seen: list[bytes] = []
    token = bearer(endpoint)["Authorization"]
    request_ = f"GET {asked} HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\nAuthorization: {token}\r\n"
    with listening(seen) as url:
        endpoint.access.client._transport.base_url = url
        assert raw(endpoint, f"{request_}Connection: close\r\n\r\n".encode()).split(b" ")[1] == b"204"
    assert seen[0].split(b"\r\n")[0].decode() == f"GET {sent} HTTP/1.1"


def test_a_child_that_waits_to_be_asked_for_its_body_is_asked(writing: Endpoint, emulator: Emulator) -> None:
    token = bearer(writing)["Authorization"]
    head = "PUT /api/v1/customer/access-allowed-ips HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 14\r\n"
    head += f"Host: 127.0.0.1:{writing.port}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", writing.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'["10.1.2.3/32"]'[:14])
        assert connection.recv(65536).startswith(b"HTTP/1.1 ")
    assert len(emulator.requests.of("PUT", "/customer/access-allowed-ips")) == 1


def test_to_bind_asks_no_name_server(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("a name server was asked")

    with monkeypatch.context() as within:
        for name in ("getfqdn", "gethostbyaddr", "gethostbyname", "getnameinfo", "getaddrinfo"):
            within.setattr(socket, name, asked)
        Endpoint(access).close()


def test_searches_are_passed_on(endpoint: Endpoint, emulator: Emulator) -> None:
    requests.post(f"{endpoint.url}/api/v1/search/flow", headers=bearer(endpoint), json={"size": 1}, timeout=10)
    assert [f"{each.method} {each.path}" for each in emulator.requests] == ["POST /api/v1/search/flow"]


@pytest.mark.parametrize("path", ["/api/auth/bearer/refresh", "/api/v1/auth/token/", "/api/v1/%61uth/token"])
def test_no_other_token_can_be_had(writing: Endpoint, emulator: Emulator, path: str) -> None:
    headers = bearer(writing)
    emulator.requests.clear()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", writing.port, timeout=10)) as connection:
        connection.request("POST", path, body=b"{}", headers=headers)
        assert connection.getresponse().status == 403
    assert len(emulator.requests) == 0


def test_a_claim_to_another_account_is_refused(endpoint: Endpoint, emulator: Emulator) -> None:
    fields = secret(endpoint)
    for claimed in ("other-corp", "example-msp", "acme-east", ""):
        answer = requests.post(f"{fields['url']}/auth/token", json=signed(fields, shortname=claimed), timeout=10)
        assert answer.status_code == 403
        assert "inside 'acme-corp' and nowhere else" in answer.json()["message"]
    assert len(emulator.requests) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"jwt": 7}', b'{"jwt": "a.b.c"}', b"\xff", b'{"jwt": null}', b"[" * 60_000],
)
def test_whatever_is_no_request_token_gets_none(endpoint: Endpoint, body: bytes) -> None:
    answer = requests.post(f"{endpoint.url}/api/v1/auth/token", data=body, timeout=10)
    assert answer.status_code == 401


@pytest.mark.parametrize("wrong", ["sharedsecret", "appkey", "appname"])
def test_a_token_signed_otherwise_gets_none(endpoint: Endpoint, wrong: str) -> None:
    fields = {**secret(endpoint), wrong: "something-else-that-is-long-enough-to-sign"}
    assert requests.post(f"{endpoint.url}/api/v1/auth/token", json=signed(fields), timeout=10).status_code == 401


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic eA==", "bearer \xe9"])
def test_who_does_not_have_the_sessions_token_gets_nothing(
    endpoint: Endpoint, emulator: Emulator, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert len(emulator.requests) == 0


def raw(endpoint: Endpoint, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize(
    "request_",
    [
        "GET http://api.netography.com/api/v1/users HTTP/1.1\r\nHost: api.netography.com\r\n",
        "GET /api/v1/users HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /api/v1/users HTTP/1.1\r\n",
        "CONNECT api.netography.com:443 HTTP/1.1\r\nHost: api.netography.com:443\r\n",
        "GET http://127.0.0.1:{port}/api/v1/users HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n",
        "GET /api/v1/users HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: -1\r\n",
        "CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n",
    ],
)
def test_other_hosts_are_refused(endpoint: Endpoint, emulator: Emulator, request_: str) -> None:
    token = bearer(endpoint)["Authorization"]
    asked = f"{request_.format(port=endpoint.port)}Authorization: {token}\r\nConnection: close\r\n\r\n"
    assert raw(endpoint, asked.encode()).split(b" ")[1] == b"403"
    assert len(emulator.requests) == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("POST /api/v1/search/flow HTTP/1.1\r\nContent-Length: " + "9" * 5000 + "\r\n", b"403"),
        ("GET /api/v1/users HTTP/1.1\r\nUser-Agent: a\r\n X-HTTP-Method-Override: DELETE\r\n", b"503"),
    ],
    ids=["a length beyond all", "a folded header"],
)
def test_what_cannot_be_passed_on_is_answered(
    endpoint: Endpoint, emulator: Emulator, request_: str, status: bytes
) -> None:
    token = bearer(endpoint)["Authorization"]
    asked = f"{request_}Host: 127.0.0.1:{endpoint.port}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
    assert raw(endpoint, asked.encode()).split(b" ")[1] == status
    assert len(emulator.requests) == 0


class listening:
    """A server that keeps what it is sent and answers ``answer``."""

    def __init__(self, seen: list[bytes], answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self._seen = seen
        self._answer = answer

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(65536)
            connection.sendall(self._answer)
            connection.settimeout(0.5)
            try:
                while piece := connection.recv(65536):
                    received += piece
            except TimeoutError:
                pass
            self._seen.append(received)

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + 30
        while not self._seen and time.monotonic() < deadline:
            time.sleep(0.01)
        self._socket.close()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", 403),
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 2\r\n\r\n{}", 200),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", 304),
        (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", 429),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 502),
        (b"garbage\r\n\r\n", 502),
        (b"", 502),
    ],
)
def test_answers_are_let_through_without_what_outlives_them(endpoint: Endpoint, answer: bytes, status: int) -> None:
    headers = bearer(endpoint)
    with listening([], answer) as url:
        endpoint.access.client._transport.base_url = url
        got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10, allow_redirects=False)
    assert got.status_code == status
    assert not {"Set-Cookie", "Location"} & {*got.headers}
    assert got.headers.get("Retry-After") == ("3" if status == 429 else None)


def test_large_bodies_go_both_ways(writing: Endpoint, emulator: Emulator) -> None:
    addresses = [f"10.0.{n // 250}.{n % 250}" for n in range(20_000)]
    path = f"{writing.url}/api/v1/customer/access-allowed-ips"
    answer = requests.put(path, json=addresses, headers=bearer(writing), timeout=30)
    assert answer.status_code == 201, answer.text
    assert answer.json() == addresses
    kept = emulator.account("acme-corp")
    assert kept is not None
    assert list(kept.allowed_ips) == addresses


def test_a_body_without_a_length_is_sent_on_as_it_comes(writing: Endpoint) -> None:
    pieces = [f"piece {number}".encode() * 1000 for number in range(5)]
    headers = bearer(writing)
    seen: list[bytes] = []
    with listening(seen) as url:
        writing.access.client._transport.base_url = url
        answer = requests.put(f"{writing.url}/api/v1/labels/ips/upload", data=iter(pieces), headers=headers, timeout=10)
    assert answer.status_code == 204
    assert b"transfer-encoding: chunked" in seen[0].lower()
    assert all(piece[:16] in seen[0] for piece in pieces)


@pytest.mark.parametrize(
    ("head", "first", "second"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"first", b"other"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nfirst\r\n", b"5\r\nother\r\n0\r\n\r\n"),
    ],
)
def test_an_answer_comes_as_it_is_made(endpoint: Endpoint, head: bytes, first: bytes, second: bytes) -> None:
    """The first half is there while the service still holds the second back."""
    released: list[bool] = []
    server = socket.create_server(("127.0.0.1", 0))
    headers = bearer(endpoint)
    endpoint.access.client._transport.base_url = f"http://127.0.0.1:{server.getsockname()[1]}"
    more = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(head + first)
            released.append(more.wait(10))
            connection.sendall(second)

    threading.Thread(target=serve, daemon=True).start()
    with requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10, stream=True) as answer:
        assert answer.raw.read(5) == b"first"
        more.set()
        assert answer.raw.read(5) == b"other"
    server.close()
    assert released == [True]


@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_a_service_that_shows_what_it_was_sent_gives_no_token_away(endpoint: Endpoint, framing: str) -> None:
    """As debugging pages and proxies do, here with the token in two pieces."""
    real = endpoint.access.token(endpoint.access.term).reveal()
    shown = f"you sent {real}, once more {real}, and {real[:9]} is no token {real[:20]}".encode()
    middle = shown.index(real.encode()) + 30
    pieces = shown[:middle], shown[middle:]
    head = f"HTTP/1.1 500 Internal Server Error\r\nX-Echo: Bearer {real}\r\n".encode()
    if framing == "chunked":
        body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in (*pieces, b""))
        answer = head + b"Transfer-Encoding: chunked\r\n\r\n" + body
    else:
        body = gzip.compress(shown) if framing == "gzip" else shown
        encoding = b"Content-Encoding: gzip\r\n" if framing == "gzip" else b""
        answer = head + encoding + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    headers = bearer(endpoint)
    with listening([], answer) as url:
        endpoint.access.client._transport.base_url = url
        got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    stars = "*" * len(real)
    assert got.headers["X-Echo"] == f"Bearer {stars}"
    assert got.text == shown.decode().replace(real, stars)


def test_when_the_session_ends_the_endpoint_is_gone(
    endpoint: Endpoint, access: Access, fusion: FusionClient, emulator: Emulator
) -> None:
    headers = bearer(endpoint)
    emulator.faults.add("GET /users hang x1")
    failed: list[str] = []

    def wait() -> None:
        try:
            got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=30)
            failed.append(str(got.status_code))
        except requests.ConnectionError as broken:
            failed.append(type(broken).__name__)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not access.counts()["requests"]:
        time.sleep(0.01)
    began = time.monotonic()
    access.close()
    fusion.close()
    endpoint.close()
    waiting.join(20)
    assert time.monotonic() - began < 20  # the one who waits would do so for 30 s
    assert failed in (["502"], ["503"], ["403"], ["ConnectionError"])
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=3) as late, pytest.raises(NotSent):
        late.list_users()


def test_many_ask_at_once(endpoint: Endpoint) -> None:
    with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=30) as inside:
        seen: list[int] = []
        threads = [threading.Thread(target=lambda: seen.append(len(inside.list_users()))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [1] * 20
    assert endpoint.access.counts()["requests"] == {"GET": 20}


def test_a_child_cannot_fill_the_audit(endpoint: Endpoint, tmp_path: Path) -> None:
    headers = bearer(endpoint)["Authorization"]
    for number, line in enumerate([f"M{{}}{'x' * 60_000} /api/v1/users", f"GET /api/v1/{{}}{'x' * 60_000}"] * 5):
        asked = f"{line.format(number)} HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\nAuthorization: {headers}\r\n"
        assert raw(endpoint, f"{asked}Connection: close\r\n\r\n".encode()).startswith(b"HTTP/1.1 4")
    counts = endpoint.access.counts()
    assert counts["refused"] == {"methods": 5}
    assert counts["requests"] == {"GET": 5}
    log = AuditLog(tmp_path / "audit.jsonl")
    for event in ("end", "start"):
        log.append(event, endpoint.access.id, counts)
    assert len(log.path.read_bytes()) < 10_000


def test_connections_beyond_what_the_helper_can_hold_are_turned_away(access: Access) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    running = Endpoint(access)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    running.start()
    with contextlib.ExitStack() as stack:
        for _ in range(96):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=10))
            held.sendall(b"GET /api/v1/users HTTP/1.1\r\nHost: ")
        assert raw(running, b"") == b""
        held.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + 30
        while not raw(running, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 403"):
            assert time.monotonic() < deadline
    running.close()


def test_a_hundred_at_once_need_not_wait_to_connect(endpoint: Endpoint) -> None:
    # What finds no place in the queue is sent again by the kernel after a second.
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", endpoint.port), timeout=0.95))


def test_an_ended_token_of_the_service_is_told_and_not_renewed(endpoint: Endpoint, emulator: Emulator) -> None:
    emulator.expire_tokens()
    with (
        FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=10) as inside,
        pytest.raises(Unauthorized),
    ):
        inside.list_users()
