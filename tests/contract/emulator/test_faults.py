"""Every kind of fault once, as the socket of its victim sees it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from typing import Any

import pytest

from fusion_emulator import Emulator, black_hole
from tests.contract.emulator.caller import Caller, Reply


def made(emulator: Emulator) -> list[str]:
    """The accounts that exist, whatever the caller was told."""
    return [account.shortname for account in emulator.accounts()]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(("fault", "left"), [("reset-before", []), ("commit-then-reset", ["acme-one"])])
def test_a_reset(emulator: Emulator, caller: Caller, fault: str, left: list[str]) -> None:
    emulator.faults.add(f"POST /customer {fault} x1")
    with pytest.raises(ConnectionResetError):
        caller.create()
    assert made(emulator) == left
    (entry,) = emulator.requests.of("POST", "/customer")
    assert (entry.status, entry.genuine, entry.fault) == (None, 201 if left else None, f"POST /customer {fault} x1")


def test_a_body_that_is_cut(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer cut-body x1")
    with pytest.raises(IncompleteRead):
        caller.create()
    assert made(emulator) == ["acme-one"]


def test_an_answer_without_a_body_is_cut_in_its_headers(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    emulator.faults.add("DELETE /customer/* cut-body x1")
    connection = HTTPConnection("127.0.0.1", emulator.port, timeout=30)
    connection.request("DELETE", "/api/v1/customer/acme-one", headers={"Authorization": f"Bearer {caller.token}"})
    assert connection.sock is not None
    received = b"".join(iter(lambda: connection.sock.recv(4096), b""))
    connection.close()
    assert received.startswith(b"HTTP/1.1 204")
    assert b"\r\n\r\n" not in received
    assert made(emulator) == []


@pytest.mark.parametrize(("fault", "left"), [("hang", []), ("commit-then-hang", ["acme-one"])])
def test_silence_outlasts_a_read_timeout(emulator: Emulator, caller: Caller, fault: str, left: list[str]) -> None:
    emulator.faults.add(f"POST /customer {fault} x1")
    caller.timeout = 0.2
    with pytest.raises(TimeoutError):
        caller.create()
    until(lambda: made(emulator) == left)


def test_a_late_answer_comes_after_its_commit(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer hang-after=0.2 x1")
    started = time.monotonic()
    assert caller.create().status == 201
    assert time.monotonic() - started >= 0.2


def test_a_black_hole_ends_in_a_reset_and_nothing_done(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer hang=0.1 x1")
    with pytest.raises(ConnectionResetError):
        caller.create()
    assert made(emulator) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(("side", "left"), [("before", []), ("after", ["acme-one"])])
def test_any_status_before_and_after_the_commit(
    emulator: Emulator, caller: Caller, status: int, side: str, left: list[str]
) -> None:
    emulator.faults.add(f"POST /customer {status}-{side} x1")
    reply = caller.create()
    assert (reply.status, reply.json["status"]) == (status, status)
    assert made(emulator) == left


def test_retry_after_in_seconds_as_a_date_and_not_at_all(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add(
        "POST /customer 429 retry-after=2 x1",
        "POST /customer 503 retry-after-date=30 x1",
        "POST /customer 429 x1",
    )
    seconds, date, bare = (caller.create() for _ in range(3))
    assert (seconds.status, seconds.headers["Retry-After"]) == (429, "2")
    wait = parsedate_to_datetime(date.headers["Retry-After"]).timestamp() - time.time()
    assert date.status == 503
    assert 5 < wait <= 30
    assert "Retry-After" not in bare.headers
    assert caller.create().status == 201


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_page_instead_of_an_answer(emulator: Emulator, caller: Caller, status: int) -> None:
    emulator.faults.add(f"GET /customer/* html-{status} x1")
    reply = caller.read()
    assert (reply.status, reply.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(("side", "left"), [("before", []), ("after", ["acme-one"])])
def test_already_exists(emulator: Emulator, caller: Caller, status: int, side: str, left: list[str]) -> None:
    emulator.faults.add(f"POST /customer exists-{status}-{side} x1")
    reply = caller.create()
    assert reply.status == status
    assert "already exists" in reply.json["message"]
    assert made(emulator) == left


def test_a_revoked_key_is_401_everywhere(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("* * revoked")
    assert [caller.read().status, caller.create().status, caller.authenticate().status] == [401, 401, 401]


def test_a_redirect(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add(
        "GET * redirect=https://elsewhere.example/x x1", "GET * redirect=http://127.0.0.1:1/ status=302 x1"
    )
    first, second = caller.read(), caller.read()
    assert (first.status, first.headers["Location"]) == (307, "https://elsewhere.example/x")
    assert second.status == 302


def test_an_empty_body(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer empty x1")
    reply = caller.create()
    assert (reply.status, reply.body) == (201, b"")
    assert made(emulator) == ["acme-one"]


def test_a_body_that_only_says_that_it_is_json(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("* /customer* not-json x2")
    reply = caller.create()
    assert (reply.status, reply.headers["Content-Type"]) == (201, "application/json")
    with pytest.raises(json.JSONDecodeError):
        _ = reply.json
    assert caller.delete().status == 200
    assert made(emulator) == []


def test_a_huge_body(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers huge x1", "GET /customers huge=1000 x1")
    big, small = caller.send("GET", "/api/v1/customers"), caller.send("GET", "/api/v1/customers")
    assert len(big.body) > 20 * 1024 * 1024
    assert 1000 < len(small.body) < 2000
    assert small.data == []


def test_fields_that_nobody_documented(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    plain = caller.read().data
    emulator.faults.add("GET /customer/* unknown-fields x1")
    extra = caller.read()
    assert "x_extra" in extra.json
    assert set(plain) < set(extra.data)
    assert {name: extra.data[name] for name in plain} == plain


def test_fields_that_are_missing(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    emulator.faults.add("GET /customer/* missing-fields x1", "GET /customers missing-fields=id,trial x1")
    assert set(caller.read().data) == {"id", "shortname", "billing"}
    (record,) = caller.send("GET", "/api/v1/customers").data
    assert "id" not in record
    assert set(record["billing"]) == {"data_retention", "rollup_retention"}


def test_fields_of_another_type(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    emulator.faults.add("GET /customer/* wrong-types x1", "GET /customer/* wrong-types=trial,id x1")
    every, some = caller.read().data, caller.read().data
    assert (every["id"], every["ingest_port"]) == (42, "2001")
    assert isinstance(every["billing"], list)
    assert (some["id"], some["billing"]["trial"], some["billing"]["data_retention"]) == (42, "no", 90)


def test_a_success_that_tells_nothing(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer 202-before x1", "POST /customer 204-after x1")
    assert [(reply.status, reply.body) for reply in (caller.create(), caller.create())] == [(202, b""), (204, b"")]
    assert made(emulator) == ["acme-one"]


def test_an_answer_about_another_account(emulator: Emulator, caller: Caller) -> None:
    genuine = emulator.seed("acme-one")
    emulator.faults.add("GET /customer/* other-account x1")
    mixed_up = caller.read().data
    assert mixed_up["shortname"] == "someone-else"
    assert mixed_up["id"] != genuine.id
    assert mixed_up["billing"] == caller.read().data["billing"]


def test_hints_before_the_answer(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    emulator.faults.add("GET /customer/* early-hints=0.01 x1")
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=30) as raw:
        raw.sendall(
            b"GET /api/v1/customer/acme-one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer " + str(caller.token).encode() + b"\r\n\r\n"
        )
        received = b"".join(iter(lambda: raw.recv(4096), b""))
    assert received.startswith(b"HTTP/1.1 103 ")
    assert b"\r\n\r\nHTTP/1.1 200 OK" in received


def test_latency_with_jitter(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("* * delay=0.1 jitter=0.05 x1")
    started = time.monotonic()
    assert caller.create().status == 201
    assert time.monotonic() - started >= 0.1


def test_a_request_that_waits_is_carried_out_after_its_sender_left(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer delay=0.3 x1")
    caller.timeout = 0.1
    with pytest.raises(TimeoutError):
        caller.create()
    until(lambda: made(emulator) == ["acme-one"])


def test_an_answer_in_slices_is_whole(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer slice=0.001 size=7 x1")
    assert caller.create().data["shortname"] == "acme-one"


def test_a_clock_that_is_ahead(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /auth/token clock-skew=600 x1", "POST /auth/token clock-skew=-600 x1")
    ahead, behind, right = caller.authenticate(), caller.authenticate(), caller.authenticate()
    assert [ahead.status, behind.status, right.status] == [401, 401, 200]
    assert abs(parsedate_to_datetime(ahead.headers["Date"]).timestamp() - time.time() - 600) < 60


def test_a_token_that_has_just_ended(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers token-expired x1")
    assert [caller.send("GET", "/api/v1/customers").status for _ in range(2)] == [401, 401]
    caller.authenticate()
    assert caller.send("GET", "/api/v1/customers").status == 200


def test_stale_reads_after_one_write(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer stale=2 x1", "PUT /customer/* stale=1 x1")
    caller.create()
    assert [caller.read().status for _ in range(3)] == [404, 404, 200]
    caller.update()
    assert [caller.read().data["billing"]["data_retention"] for _ in range(2)] == [90, 45]


def test_one_stale_read(emulator: Emulator, caller: Caller) -> None:
    caller.create()
    emulator.faults.add("GET /customer/acme-one stale=1 x1")
    assert [caller.read().status, caller.read().status] == [404, 200]


def test_a_refused_connection_and_the_same_port_again(emulator: Emulator, caller: Caller) -> None:
    emulator.stop()
    with pytest.raises(ConnectionRefusedError):
        caller.read()
    emulator.start()
    assert caller.read().status == 404


def test_a_connection_that_never_comes_to_be() -> None:
    with black_hole() as url:
        port = int(url.rpartition(":")[2])
        with socket.socket() as victim:
            victim.settimeout(0.2)
            with pytest.raises(TimeoutError):
                victim.connect(("127.0.0.1", port))


def test_faults_are_drawn_in_order_and_counted(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customer/* 500 skip=1 x1", "GET /customer/acme-two 403", "* * delay=0.001")
    statuses = [caller.read("acme-two").status for _ in range(3)]
    assert statuses == [403, 500, 403]
    emulator.faults.clear()
    assert caller.read("acme-two").status == 404


def test_a_fault_on_an_open_connection_leaves_the_others_alone(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers cut-body x1")
    healthy = HTTPConnection("127.0.0.1", emulator.port, timeout=30)

    def types() -> Any:
        healthy.request("GET", "/api/v1/customers/types", headers={"Authorization": f"Bearer {caller.token}"})
        response = healthy.getresponse()
        return Reply(response.status, {}, response.read()).data

    first = types()
    with pytest.raises((IncompleteRead, RemoteDisconnected)):
        caller.send("GET", "/api/v1/customers")
    assert types() == first
    healthy.close()
