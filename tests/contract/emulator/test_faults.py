"""Every kind of fault, as its client observes it on the socket."""

from __future__ import annotations

import json
import socket
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from typing import Any

import pytest

from fusion_emulator import Emulator, black_hole, service
from tests.contract.emulator.caller import Caller, Reply
from tests.waiting import wait_until


def made(emulator: Emulator) -> list[str]:
    """Return the accounts that exist, whatever was answered."""
    return [account.shortname for account in emulator.accounts()]


@pytest.mark.parametrize(("fault", "left"), [("reset-before", []), ("commit-then-reset", ["acme-one"])])
def test_reset_before_and_after_the_commit(emulator: Emulator, caller: Caller, fault: str, left: list[str]) -> None:
    emulator.faults.add(f"POST /customer {fault} x1")
    with pytest.raises(ConnectionResetError):
        caller.create()
    assert made(emulator) == left
    (entry,) = emulator.requests.of("POST", "/customer")
    assert (entry.status, entry.genuine, entry.fault) == (None, 201 if left else None, f"POST /customer {fault} x1")


def test_cut_body_ends_the_connection_within_the_body(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer cut-body x1")
    with pytest.raises(IncompleteRead):
        caller.create()
    assert made(emulator) == ["acme-one"]


def test_cut_body_cuts_an_answer_without_a_body_within_its_headers(emulator: Emulator, caller: Caller) -> None:
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
def test_hang_lasts_longer_than_a_read_timeout(emulator: Emulator, caller: Caller, fault: str, left: list[str]) -> None:
    emulator.faults.add(f"POST /customer {fault} x1")
    caller.timeout = 0.2
    with pytest.raises(TimeoutError):
        caller.create()
    wait_until(lambda: made(emulator) == left)


def test_hang_after_the_commit_delays_the_answer(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer hang-after=0.2 x1")
    started = time.monotonic()
    assert caller.create().status == 201
    assert time.monotonic() - started >= 0.2


def test_hang_before_the_commit_ends_with_a_reset(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer hang=0.1 x1")
    with pytest.raises(ConnectionResetError):
        caller.create()
    assert made(emulator) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(("side", "left"), [("before", []), ("after", ["acme-one"])])
def test_a_status_before_and_after_the_commit(
    emulator: Emulator, caller: Caller, status: int, side: str, left: list[str]
) -> None:
    emulator.faults.add(f"POST /customer {status}-{side} x1")
    reply = caller.create()
    assert (reply.status, reply.json["status"]) == (status, status)
    assert made(emulator) == left


def test_a_status_with_retry_after_in_seconds_as_a_date_and_without(emulator: Emulator, caller: Caller) -> None:
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
def test_html_replaces_the_answer_by_a_page(emulator: Emulator, caller: Caller, status: int) -> None:
    emulator.faults.add(f"GET /customer/* html-{status} x1")
    reply = caller.read()
    assert (reply.status, reply.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize(("side", "left"), [("before", []), ("after", ["acme-one"])])
def test_exists_before_and_after_the_commit(
    emulator: Emulator, caller: Caller, status: int, side: str, left: list[str]
) -> None:
    emulator.faults.add(f"POST /customer exists-{status}-{side} x1")
    reply = caller.create()
    assert reply.status == status
    assert "already exists" in reply.json["message"]
    assert made(emulator) == left


def test_revoked_answers_401_on_every_route(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("* * revoked")
    assert [caller.read().status, caller.create().status, caller.authenticate().status] == [401, 401, 401]


def test_redirect_with_its_default_status_and_another(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add(
        "GET * redirect=https://elsewhere.example/x x1", "GET * redirect=http://127.0.0.1:1/ status=302 x1"
    )
    first, second = caller.read(), caller.read()
    assert (first.status, first.headers["Location"]) == (307, "https://elsewhere.example/x")
    assert second.status == 302


def test_empty_removes_the_body_of_the_answer(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer empty x1")
    reply = caller.create()
    assert (reply.status, reply.body) == (201, b"")
    assert made(emulator) == ["acme-one"]


def test_not_json_replaces_the_body_by_incomplete_json(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("* /customer* not-json x2")
    reply = caller.create()
    assert (reply.status, reply.headers["Content-Type"]) == (201, "application/json")
    with pytest.raises(json.JSONDecodeError):
        _ = reply.json
    assert caller.delete().status == 200
    assert made(emulator) == []


def test_huge_makes_the_body_20_mb_or_the_given_size(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers huge x1", "GET /customers huge=1000 x1")
    big, small = caller.send("GET", "/api/v1/customers"), caller.send("GET", "/api/v1/customers")
    assert len(big.body) > 20 * 1024 * 1024
    assert 1000 < len(small.body) < 2000
    assert small.data == []


def test_unknown_fields_adds_fields_to_the_record(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    plain = caller.read().data
    emulator.faults.add("GET /customer/* unknown-fields x1")
    extra = caller.read()
    assert "x_extra" in extra.json
    assert set(plain) < set(extra.data)
    assert {name: extra.data[name] for name in plain} == plain


def test_missing_fields_removes_fields_from_the_record(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    emulator.faults.add("GET /customer/* missing-fields x1", "GET /customers missing-fields=id,trial x1")
    assert set(caller.read().data) == {"id", "shortname", "billing"}
    (record,) = caller.send("GET", "/api/v1/customers").data
    assert "id" not in record
    assert set(record["billing"]) == {"data_retention", "rollup_retention"}


def test_wrong_types_changes_the_types_of_fields(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    emulator.faults.add("GET /customer/* wrong-types x1", "GET /customer/* wrong-types=trial,id x1")
    every, some = caller.read().data, caller.read().data
    assert (every["id"], every["ingest_port"]) == (42, "2001")
    assert isinstance(every["billing"], list)
    assert (some["id"], some["billing"]["trial"], some["billing"]["data_retention"]) == (42, "no", 90)


def test_a_status_of_success_has_no_body(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer 202-before x1", "POST /customer 204-after x1")
    assert [(reply.status, reply.body) for reply in (caller.create(), caller.create())] == [(202, b""), (204, b"")]
    assert made(emulator) == ["acme-one"]


def test_other_account_changes_the_name_and_id_of_the_record(emulator: Emulator, caller: Caller) -> None:
    genuine = emulator.seed("acme-one")
    emulator.faults.add("GET /customer/* other-account x1")
    mixed_up = caller.read().data
    assert mixed_up["shortname"] == "someone-else"
    assert mixed_up["id"] != genuine.id
    assert mixed_up["billing"] == caller.read().data["billing"]


def test_early_hints_sends_a_103_before_the_answer(emulator: Emulator, caller: Caller) -> None:
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


def test_delay_with_jitter(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("* * delay=0.1 jitter=0.05 x1")
    started = time.monotonic()
    assert caller.create().status == 201
    assert time.monotonic() - started >= 0.1


def test_a_delayed_request_is_executed_after_its_client_disconnected(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer delay=0.3 x1")
    caller.timeout = 0.1
    with pytest.raises(TimeoutError):
        caller.create()
    wait_until(lambda: made(emulator) == ["acme-one"])


def test_slice_sends_the_complete_answer(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer slice=0.001 size=7 x1")
    assert caller.create().data["shortname"] == "acme-one"


def test_clock_skew_moves_the_clock_of_the_service(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /auth/token clock-skew=600 x1", "POST /auth/token clock-skew=-600 x1")
    ahead, behind, right = caller.authenticate(), caller.authenticate(), caller.authenticate()
    assert [ahead.status, behind.status, right.status] == [401, 401, 200]
    assert abs(parsedate_to_datetime(ahead.headers["Date"]).timestamp() - time.time() - 600) < 60


def test_token_expired_ends_the_token_of_the_request(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers token-expired x1")
    assert [caller.send("GET", "/api/v1/customers").status for _ in range(2)] == [401, 401]
    caller.authenticate()
    assert caller.send("GET", "/api/v1/customers").status == 200


def test_stale_on_a_write_makes_the_next_reads_stale(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("POST /customer stale=2 x1", "PUT /customer/* stale=1 x1")
    caller.create()
    assert [caller.read().status for _ in range(3)] == [404, 404, 200]
    caller.update()
    assert [caller.read().data["billing"]["data_retention"] for _ in range(2)] == [90, 45]


def test_stale_on_a_read_makes_this_read_stale(emulator: Emulator, caller: Caller) -> None:
    caller.create()
    emulator.faults.add("GET /customer/acme-one stale=1 x1")
    assert [caller.read().status, caller.read().status] == [404, 200]


def test_stale_on_a_list_makes_this_list_lack_the_last_write(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers stale=1 x1")
    assert caller.names() == []
    caller.create()
    caller.create(shortname="acme-two")
    emulator.faults.add("GET /customers stale=1 x1")
    assert [caller.names(), caller.names()] == [["acme-one"], ["acme-one", "acme-two"]]
    caller.delete("acme-one")
    emulator.faults.add("GET /customers stale=1 x1")
    assert [sorted(caller.names()), caller.names()] == [["acme-one", "acme-two"], ["acme-two"]]


def test_a_stopped_emulator_refuses_connections_and_starts_on_the_same_port(emulator: Emulator, caller: Caller) -> None:
    emulator.stop()
    with pytest.raises(ConnectionRefusedError):
        caller.read()
    emulator.start()
    assert caller.read().status == 404


def test_connecting_to_the_black_hole_never_ends() -> None:
    with black_hole() as url:
        port = int(url.rpartition(":")[2])
        with socket.socket() as client:
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.connect(("127.0.0.1", port))


def test_the_first_matching_fault_is_used_and_counted(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customer/* 500 skip=1 x1", "GET /customer/acme-two 403", "* * delay=0.001")
    statuses = [caller.read("acme-two").status for _ in range(3)]
    assert statuses == [403, 500, 403]
    emulator.faults.clear()
    assert caller.read("acme-two").status == 404


def test_a_fault_does_not_affect_other_connections(emulator: Emulator, caller: Caller) -> None:
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


def test_the_state_before_the_last_write_is_kept_for_the_last_shortnames(
    emulator: Emulator, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "KEPT", 2)
    emulator.switch(stale_reads=1)
    for name in ("acme-one", "acme-two", "acme-six"):
        caller.create(shortname=name)
    assert [caller.read(name).status for name in ("acme-one", "acme-two", "acme-six")] == [200, 404, 404]
    emulator.faults.add("GET /customer/* stale=1 x3")
    assert [caller.read(name).status for name in ("acme-one", "acme-two", "acme-six")] == [200, 404, 404]
