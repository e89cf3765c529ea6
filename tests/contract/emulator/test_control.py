"""The control routes, by which another process changes a running emulator."""

from __future__ import annotations

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller


def test_faults_are_added_listed_and_removed_from_another_process(emulator: Emulator, caller: Caller) -> None:
    path = "/_emulator/faults"
    assert caller.send("POST", path, {"faults": ["GET /customers 500 x2"]}).status == 200
    assert caller.send("GET", "/api/v1/customers").status == 500
    assert caller.send("GET", path).json == [{"fault": "GET /customers 500 x2", "left": 1, "used": 1, "warning": None}]
    assert caller.send("POST", path, {"faults": ["GET /customers 501", "nonsense"]}).status == 400
    for wrong in ("GET /customers 501", [5], None):
        assert caller.send("POST", path, {"faults": wrong}).status == 400
    assert len(caller.send("GET", path).json) == 1
    caller.send("DELETE", path)
    assert caller.send("GET", "/api/v1/customers").status == 200


def test_switches_are_changed_and_listed_from_another_process(emulator: Emulator, caller: Caller) -> None:
    path = "/_emulator/switches"
    assert caller.send("PATCH", path, {"absence": 403}).json["absence"] == 403
    assert caller.read().status == 403
    wrongs: list[object] = [{"absence": 418}, {"nothing": 1}, []]
    for wrong in wrongs:
        assert caller.send("PATCH", path, wrong).status == 400
    assert caller.send("GET", path).json["absence"] == 403


def test_requests_are_listed_and_forgotten_from_another_process(emulator: Emulator, caller: Caller) -> None:
    caller.read()
    entries = caller.send("GET", "/_emulator/requests").json
    assert [entry["path"] for entry in entries] == ["/api/v1/auth/token", "/api/v1/customer/acme-one"]
    assert caller.send("DELETE", "/_emulator/requests").json == []


def test_accounts_are_created_changed_and_removed_from_another_process(emulator: Emulator, caller: Caller) -> None:
    path = "/_emulator/accounts"
    made = caller.send("POST", path, {"shortname": "acme-one", "retention": 7})
    assert "sharedsecret" not in made.json
    assert caller.send("GET", path).json == [made.json]
    assert caller.send("PATCH", f"{path}/acme-one", {"retention": 45}).json["retention"] == 45
    assert caller.send("PATCH", f"{path}/acme-one", {"nothing": 45}).status == 400
    assert caller.send("PATCH", f"{path}/nobody", {"retention": 45}).status == 404
    assert [mail["to"] for mail in caller.send("GET", "/_emulator/mails").json] == ["owner@example.com"]
    assert caller.send("DELETE", f"{path}/acme-one").status == 204
    assert caller.send("DELETE", f"{path}/acme-one").status == 404
    assert emulator.accounts() == ()


def test_an_unknown_control_route_and_method_are_refused_with_the_ones_that_exist(
    emulator: Emulator, caller: Caller
) -> None:
    unknown, wrong = caller.send("GET", "/_emulator/nope"), caller.send("PUT", "/_emulator/faults", {})
    assert (unknown.status, unknown.json["status"]) == (404, 404)
    assert "/_emulator/nope" in unknown.json["message"]
    assert unknown.json["message"].endswith("; /_emulator/openapi.json lists them")
    assert (wrong.status, wrong.json["message"]) == (
        405,
        "Method Not Allowed: expected DELETE, GET, HEAD, OPTIONS, POST",
    )
    assert [entry.path for entry in emulator.requests] == ["/api/v1/auth/token"]


def test_no_fault_affects_the_control_routes(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("* * reset")
    assert caller.send("DELETE", "/_emulator/faults").status == 200
    assert caller.read().status == 404
