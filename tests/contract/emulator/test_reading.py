"""How requests are read: bodies in chunks, malformed requests, HTTP/1.0, and methods that every route has."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from http.client import HTTPConnection
from io import StringIO

import pytest

from fusion_emulator import Emulator
from fusion_emulator.app import make_app
from tests.contract.emulator.caller import Caller, customer, send_bytes

HOST = b"Host: 127.0.0.1\r\n"
CHUNKED = b"POST /api/v1/customer HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"DELETE /api/v1/customer/acme-one HTTP/1.1\r\n" + HOST + b"\r\n"
LIMIT = 1 << 20


def authorized(caller: Caller) -> bytes:
    return f"Content-Type: application/json\r\nAuthorization: Bearer {caller.token}\r\n".encode()


def status_of(received: bytes) -> int:
    return int(received.split(b" ", 2)[1])


def routes() -> Mapping[str, set[str]]:
    """Return the path of every rule, with values for its variables, and the methods of all rules of this path."""
    found: dict[str, set[str]] = {}
    for rule in make_app().url_map.iter_rules():
        found.setdefault(re.sub(r"<.*?>", "acme-one", rule.rule), set()).update(rule.methods or ())
    return found


def test_a_body_in_chunks_is_read(caller: Caller) -> None:
    payload = json.dumps(customer()).encode()
    connection = HTTPConnection("127.0.0.1", caller.port, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {caller.token}"}
    pieces = (payload[start : start + 7] for start in range(0, len(payload), 7))
    connection.request("POST", "/api/v1/customer", pieces, headers, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()
    assert caller.read().status == 200


def test_curl_sends_a_body_in_chunks(emulator: Emulator, caller: Caller) -> None:
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Transfer-Encoding: chunked"]
    command += ["-H", "Content-Type: application/json", "--data-binary", "@-", f"{emulator.url}/api/v1/auth/token"]
    body = json.dumps({"jwt": caller.request_token()})
    assert subprocess.run(command, input=body, capture_output=True, text=True, check=True).stdout == "200"


def test_trailers_and_chunk_extensions_are_ignored_and_the_connection_stays_open(caller: Caller) -> None:
    payload = json.dumps(customer()).encode()
    head = CHUNKED + authorized(caller) + b"\r\n"
    body = b'%x;name="value"\r\n%b\r\n0\r\nX-Digest: abc\r\n\r\n' % (len(payload), payload)
    read = b"GET /api/v1/customer/acme-one HTTP/1.1\r\nConnection: close\r\n" + HOST + authorized(caller) + b"\r\n"
    received = send_bytes(caller.port, head, body + read)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"201", b"200"]


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 400), (LIMIT + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_has_at_most_a_mebibyte(emulator: Emulator, size: int, status: int, chunked: bool) -> None:
    fields = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    head = f"POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n\r\n".encode()
    body = b"x" * size
    sent = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body) if chunked else body
    assert status_of(send_bytes(emulator.port, head, sent)) == status


def test_chunks_without_end_are_refused(emulator: Emulator) -> None:
    extension = b"1;" + b"x" * 60000 + b"\r\na\r\n"
    assert status_of(send_bytes(emulator.port, CHUNKED + b"\r\n", extension * 110)) == 413


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\n", 505),
        (b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n", 414),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 70000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Expect: a-miracle\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0, 0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 5\r\n\r\n", 400),
        (CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (CHUNKED.replace(b": chunked", b" : chunked") + b"\r\n0\r\n\r\n", 400),
        (CHUNKED.replace(b"chunked", b"\x0bchunked") + b"\r\n0\r\n\r\n", 400),
        (CHUNKED.replace(b"chunked", b"gzip") + b"\r\n", 501),
        (CHUNKED.replace(b"chunked", b"gzip, chunked") + b"\r\n0\r\n\r\n", 501),
        (CHUNKED.replace(b"chunked", b"identity") + b"\r\n", 501),
        (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n0\r\n\r\n", 400),
        (CHUNKED + b"\r\nsize\r\n", 400),
        (CHUNKED + b"\r\n-1\r\n", 400),
        (CHUNKED + b"\r\n0x1\r\na\r\n0\r\n\r\n", 400),
        (CHUNKED + b"\r\nfffffffffffffffff\r\n", 400),
        (CHUNKED + b"\r\n2\r\nabc\r\n0\r\n\r\n", 400),
        (CHUNKED + b"\r\n3\nabc\n0\n\n", 400),
        (CHUNKED + b"\r\n1\r\na\r\n0\r\nContent-Length: 9\r\n\r\n", 400),
        (CHUNKED + b"\r\n1\r\na\r\n0\r\nno trailer\r\n\r\n", 400),
    ],
)
def test_a_malformed_request_is_refused_and_what_follows_is_not_executed(
    shared_emulator: Emulator, sent: bytes, status: int
) -> None:
    received = send_bytes(shared_emulator.port, sent + SMUGGLED)
    assert status_of(received) == status
    assert len(re.findall(rb"HTTP/1.1 \d", received)) == 1
    assert json.loads(received.split(b"\r\n\r\n", 1)[1])["status"] == status
    assert shared_emulator.requests.of("DELETE") == []


def test_a_malformed_request_is_in_the_journal(emulator: Emulator) -> None:
    send_bytes(emulator.port, b"POST /api/v1/customer HTTP/1.1\r\n" + HOST + b"Content-Length: 9999999\r\n\r\n")
    (entry,) = emulator.requests
    assert (entry.method, entry.path, entry.status, entry.acted) == ("POST", "/api/v1/customer", 413, False)


def test_a_client_that_waits_for_100_continue_gets_it_before_its_body(emulator: Emulator, caller: Caller) -> None:
    command = ["curl", "-sS", "-v", "-H", "Expect: 100-continue", "--expect100-timeout", "30"]
    command += ["-H", "Content-Type: application/json", "--data-binary", "@-", f"{emulator.url}/api/v1/auth/token"]
    body = json.dumps({"jwt": caller.request_token()})
    shown = subprocess.run(command, input=body, capture_output=True, text=True, check=True).stderr
    assert re.findall(r"^< HTTP/1.1 (\d+)", shown, re.MULTILINE) == ["100", "200"]


def test_no_body_is_asked_for_that_would_be_refused(emulator: Emulator) -> None:
    expects = b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nConnection: close\r\n"
    assert b" 100 " not in send_bytes(emulator.port, expects + b"Content-Length: 9999999\r\n\r\n")
    assert b" 100 " not in send_bytes(emulator.port, expects + b"Content-Length: 0\r\n\r\n")


def test_a_client_of_http_1_0_is_answered_and_its_connection_closed(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers early-hints x1")
    head = b"GET /api/v1/customers HTTP/1.0\r\nConnection: keep-alive\r\n" + authorized(caller) + b"\r\n"
    received = send_bytes(emulator.port, head)
    assert status_of(received) == 200
    assert b"\r\nConnection: close\r\n" in received


def test_a_target_with_a_host_is_read_as_its_path(emulator: Emulator) -> None:
    head = f"GET {emulator.url}/api/v1/customers?x=y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    assert status_of(send_bytes(emulator.port, head)) == 401
    assert [entry.path for entry in emulator.requests] == ["/api/v1/customers"]


def test_a_header_that_only_wsgi_would_confuse_with_another_is_ignored(emulator: Emulator, caller: Caller) -> None:
    assert caller.send("GET", "/api/v1/customers", headers={"Content_Length": "5", "X_Y": "z"}).status == 200


def test_head_of_each_route_has_the_headers_of_get(caller: Caller) -> None:
    caller.create()
    for path, methods in routes().items():
        if "GET" in methods:
            got, headed = caller.send("GET", path), caller.send("HEAD", path)
            assert (headed.status, headed.body) == (got.status, b""), path
            # The lengths of the list of requests and of the time differ from one request to the next.
            unlike = {"Date"} if path.startswith("/api/") else {"Date", "Content-Length"}
            assert {k: v for k, v in got.headers.items() if k not in unlike} == {
                k: v for k, v in headed.headers.items() if k not in unlike
            }, path
            assert headed.headers["Content-Length"] != "0"


def test_options_and_405_list_the_methods_of_each_route(caller: Caller) -> None:
    for path, methods in routes().items():
        allowed = ", ".join(sorted(methods))
        options, refused = caller.send("OPTIONS", path, bearer=None), caller.send("TRACE", path)
        assert (options.status, options.headers.get("Allow"), options.body) == (204, allowed, b""), path
        assert "Content-Type" not in options.headers
        assert (refused.status, refused.headers["Allow"], refused.json["status"]) == (405, allowed, 405), path


def test_an_unknown_path_is_the_404_of_a_gateway(caller: Caller) -> None:
    for path in ("/api/v1/nothing", "/", "*"):
        for method in ("GET", "OPTIONS", "POST", "FOO"):
            reply = caller.send(method, path)
            assert (reply.status, reply.headers["Content-Type"]) == (404, "text/html; charset=utf-8"), (method, path)


def test_a_defect_of_the_emulator_is_answered_and_written_to_stderr_once(
    emulator: Emulator, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("a defect")

    written = StringIO()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setattr("fusion_emulator.service.Service.read", fail)
    reply = caller.read()
    assert (reply.status, set(reply.json)) == (500, {"status", "name", "message"})
    assert written.getvalue().count("Traceback") == 1
    assert "ZeroDivisionError: a defect" in written.getvalue()
    assert caller.send("GET", "/api/v1/customers").status == 200
