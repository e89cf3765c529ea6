"""The routes of users, API keys and addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from fusion_emulator.state import Change, Mail
from tests.contract.emulator.caller import Caller

ADDRESSES = "/api/v1/customer/access-allowed-ips"
USER = {"given_name": "A", "family_name": "B", "email": "a@example.com", "roles": ["readonly"]}
KEY = {"appname": "ci", "roles": ["readonly"]}


def test_a_user_is_created_listed_and_deleted(emulator: Emulator, caller: Caller) -> None:
    created = caller.send("POST", "/api/v1/user", USER)
    assert (created.status, created.data) == (201, {**USER, "id": created.data["id"]})
    assert [mail.to for mail in emulator.mails()] == ["a@example.com"]
    assert caller.send("GET", "/api/v1/users").data[-1] == created.data
    assert caller.send("POST", "/api/v1/user", USER).status == 400
    assert caller.send("DELETE", f"/api/v1/user/{created.data['id']}").status == 204
    assert caller.send("DELETE", f"/api/v1/user/{created.data['id']}").status == 404


def test_the_last_administrator_is_not_deleted(emulator: Emulator, caller: Caller) -> None:
    (last,) = emulator.users()
    assert caller.send("DELETE", f"/api/v1/user/{last.id}").status == 400
    assert emulator.users() == (last,)


def test_a_user_of_another_account_is_not_found(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("acme-one")
    (user,) = emulator.users("acme-one")
    assert caller.send("DELETE", f"/api/v1/user/{user.id}").status == 404
    assert user.id not in [each["id"] for each in caller.send("GET", "/api/v1/users").data]


def test_a_created_api_key_opens_the_account_with_its_role(emulator: Emulator, caller: Caller) -> None:
    created = caller.send("POST", "/api/v1/api-keys", {**KEY, "description": "Pipeline"})
    assert (created.status, created.data) == (201, {**KEY, "description": "Pipeline", "appkey": created.data["appkey"]})
    other = Caller(emulator.netosecret)
    other.secret.update(appname="ci", appkey=created.data["appkey"])
    assert other.authenticate().status == 200
    assert other.send("GET", "/api/v1/customers").status == 200
    assert other.create().status == 403
    assert caller.send("POST", "/api/v1/api-keys", KEY).status == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/user", {**USER, "email": "x"}),
        ("/api/v1/user", {**USER, "roles": ["nobody"]}),
        ("/api/v1/user", {**USER, "roles": ["admin", "readonly"]}),
        ("/api/v1/user", {**USER, "id": "1"}),
        ("/api/v1/api-keys", {"appname": "ci"}),
        ("/api/v1/api-keys", {**KEY, "roles": ["nobody"]}),
        ("/api/v1/api-keys", {**KEY, "roles": [1]}),
    ],
)
def test_bodies_of_users_and_api_keys_are_strict(emulator: Emulator, caller: Caller, path: str, body: Any) -> None:
    assert caller.send("POST", path, body).status == 400
    assert len(emulator.users()) == 1


def test_creating_users_is_limited_as_documented(caller: Caller) -> None:
    body = {"given_name": "A", "family_name": "B", "email": "x", "roles": []}
    statuses = [caller.send("POST", "/api/v1/user", body).status for _ in range(51)]
    assert statuses == [*[400] * 50, 429]


@pytest.mark.parametrize(("user_rate", "last"), [("2/300", 429), ("off", 400)])
def test_the_limit_of_users_is_a_switch(emulator: Emulator, caller: Caller, user_rate: str, last: int) -> None:
    emulator.switch(user_rate=user_rate)
    body = {"given_name": "A", "family_name": "B", "email": "x", "roles": []}
    assert [caller.send("POST", "/api/v1/user", body).status for _ in range(3)] == [400, 400, last]


def test_the_path_of_the_addresses_is_not_read_as_a_shortname(caller: Caller) -> None:
    allowed = ["127.0.0.0/8", "2001:db8::1", "192.0.2.7"]
    assert caller.send("GET", ADDRESSES).json == []
    reply = caller.send("PUT", ADDRESSES, allowed)
    assert (reply.status, reply.json) == (201, allowed)
    assert caller.send("GET", ADDRESSES).json == allowed
    assert caller.send("DELETE", ADDRESSES).status == 405


@pytest.mark.parametrize(
    "body", [{}, [1], [None], ["x"], [""], ["192.0.2.0/33"], ["127.0.0.1", "192.0.2"], ["::1/129"], [["127.0.0.1"]]]
)
def test_what_are_not_addresses_is_refused(caller: Caller, body: Any) -> None:
    assert caller.send("PUT", ADDRESSES, body).status == 400
    assert caller.send("GET", ADDRESSES).json == []


@pytest.mark.parametrize("status", [403, 401])
def test_an_account_is_used_from_its_allowed_addresses_only(emulator: Emulator, caller: Caller, status: int) -> None:
    emulator.switch(allow_list_status=status)
    caller.send("PUT", ADDRESSES, ["192.0.2.0/24", "127.0.0.2"])
    other = Caller(emulator.netosecret, address="127.0.0.2")
    for path in ("/api/v1/customers", ADDRESSES, "/api/v1/users"):
        blocked = caller.send("GET", path)
        assert (blocked.status, blocked.json["status"]) == (status, status)
        assert "127.0.0.1" in blocked.json["message"]
    assert caller.send("GET", ADDRESSES, headers={"X-Forwarded-For": "127.0.0.2"}).status == status
    assert caller.authenticate().status == status
    assert other.authenticate().status == 200
    assert other.send("PUT", ADDRESSES, []).status == 201
    assert caller.send("GET", "/api/v1/customers").status == 200


@pytest.mark.parametrize(("lockout", "status"), [("accepted", 201), ("refused", 400)])
def test_whether_a_list_may_lock_out_its_sender_is_a_switch(
    emulator: Emulator, caller: Caller, lockout: str, status: int
) -> None:
    emulator.switch(allow_list_lockout=lockout)
    assert caller.send("PUT", ADDRESSES, ["192.0.2.0/24"]).status == status
    assert caller.send("PUT", ADDRESSES, ["127.0.0.1"]).status == (403 if status == 201 else 201)


def test_a_control_route_lets_a_caller_that_was_locked_out_in_again(caller: Caller) -> None:
    caller.send("PUT", ADDRESSES, ["192.0.2.0/24"])
    assert caller.send("GET", "/api/v1/customers").status == 403
    assert caller.send("PATCH", "/_emulator/accounts/example-msp", {"allowed_ips": []}).status == 200
    assert caller.send("GET", "/api/v1/customers").status == 200


@pytest.mark.parametrize("restricted", ["acme-one", "example-msp"])
def test_a_masquerading_key_needs_the_addresses_of_both_accounts(emulator: Emulator, restricted: str) -> None:
    emulator.seed("acme-one")
    inside = Caller(emulator.netosecret, shortname="acme-one")
    assert inside.authenticate().status == 200
    emulator.edit(restricted, allowed_ips=["127.0.0.2"])
    assert inside.send("GET", "/api/v1/customers").status == 403
    assert inside.authenticate().status == 403
    assert Caller(emulator.netosecret, shortname="acme-one", address="127.0.0.2").authenticate().status == 200


def test_the_last_mails_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "fusion.json"
    with Emulator(state=path) as emulator:
        many = {f"mail-{number}": Mail("gone", f"{number}@example.com") for number in range(1000)}
        emulator._running.commit(lambda state: (Change(mails=many), None))
        emulator.seed("acme-one", username="first@example.com")
        emulator.seed("gone-co", username="gone@example.com")
        emulator.remove("gone-co")
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        assert caller.send("POST", "/api/v1/user", {**USER, "email": "last@example.com"}).status == 201
        kept = [each.to for each in emulator.mails()]
        last = ["999@example.com", "first@example.com", "gone@example.com", "last@example.com"]
        assert (kept[0], kept[-4:], len(kept)) == ("3@example.com", last, 1000)
    with Emulator(state=path) as again:
        assert [each.to for each in again.mails()] == kept
