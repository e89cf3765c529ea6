"""The customers routes, body by body and switch by switch."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fusion_emulator import Emulator, Switches
from tests.contract.emulator.caller import CUSTOMER, Caller, customer


def test_a_created_account_has_the_documented_record(emulator: Emulator, caller: Caller) -> None:
    reply = caller.create()
    assert reply.status == 201
    record = reply.data
    assert reply.json["meta"]["count"] == 1
    assert record == {
        "id": record["id"],
        "shortname": "acme-one",
        "ingest_ip": "203.0.113.19",
        "ingest_port": record["ingest_port"],
        "billing": {"data_retention": 90, "rollup_retention": 180, "trial": False},
        "reseller": {"children": 0, "is_parent": False, "node": "example-msp/acme-one", "parent": "example-msp"},
    }
    assert record["ingest_port"] > 2000
    assert caller.read().data == record
    assert caller.send("GET", "/api/v1/customers").data == [record]


def test_the_first_administrator_exists_and_would_get_a_mail(emulator: Emulator, caller: Caller) -> None:
    caller.create(username="first@example.com")
    (user,) = emulator.users("acme-one")
    assert (user.email, user.given_name, user.family_name, user.roles) == (
        "first@example.com",
        "Skippy",
        "Longbottom",
        ("admin",),
    )
    assert [mail.to for mail in emulator.mails()] == ["first@example.com"]


def test_ports_and_ids_are_never_given_twice(caller: Caller) -> None:
    first = caller.create().data
    caller.delete()
    second = caller.create().data
    assert first["id"] != second["id"]
    assert first["ingest_port"] != second["ingest_port"]


BAD: list[tuple[str, Any]] = [
    ("shortname", "abcd"),
    ("shortname", "a" * 17),
    ("shortname", "acme+one"),
    ("shortname", "acme%20x"),
    ("shortname", "acme one"),
    ("shortname", "acme/one"),
    ("shortname", "acmé-one"),
    ("shortname", "acme-one\n"),
    ("shortname", 12345),
    ("organization", ""),
    ("organization", " "),
    ("organization", None),
    ("type", "SLG"),
    ("type", ""),
    ("retention", 30),
    ("retention", True),
    ("retention", 7.0),
    ("retention", "7"),
    ("rollupRetention", 45),
    ("rollupRetention", 7),
    ("trial", "false"),
    ("trial", 0),
    ("trial", None),
    ("fps", 1.5),
    ("fps", True),
    ("fps", -1),
    ("fps", None),
    ("username", "nobody"),
    ("given_name", ""),
    ("family_name", 7),
    ("id", "abc"),
    ("parent", "example-msp"),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_create_body_is_strict(emulator: Emulator, caller: Caller, field: str, value: Any) -> None:
    reply = caller.create(**{field: value})
    assert reply.status == 400
    assert reply.json["message"].startswith(field)
    assert emulator.accounts() == ()


@pytest.mark.parametrize("field", sorted(CUSTOMER))
def test_every_required_field_is_required(emulator: Emulator, caller: Caller, field: str) -> None:
    body = {name: value for name, value in CUSTOMER.items() if name != field}
    assert caller.send("POST", "/api/v1/customer", body).status == 400
    assert emulator.accounts() == ()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"retention": NaN}', b"\xff"])
def test_a_body_that_is_no_json_object_is_400(caller: Caller, body: bytes) -> None:
    assert caller.send("POST", "/api/v1/customer", body).status == 400


def test_a_body_of_another_media_type_is_400(caller: Caller) -> None:
    body = json.dumps(customer()).encode()
    assert caller.send("POST", "/api/v1/customer", body, headers={"Content-Type": "text/plain"}).status == 400


@pytest.mark.parametrize("shortname", ["a-._~", "!$&'()*,;=:@", "A1234567890123zZ", "....."])
def test_every_path_segment_character_but_plus_and_percent_is_a_name(caller: Caller, shortname: str) -> None:
    assert caller.create(shortname=shortname).status == 201
    assert caller.read(shortname).data["shortname"] == shortname
    assert caller.delete(shortname).status == 204


def test_put_replaces_and_answers_the_record(emulator: Emulator, caller: Caller) -> None:
    created = caller.create().data
    reply = caller.update(type="reseller", trial=True, fps=100)
    assert reply.status == 200
    assert reply.data == {**created, "billing": {"data_retention": 45, "rollup_retention": 90, "trial": True}}
    account = emulator.account("acme-one")
    assert account is not None
    assert (account.organization, account.type, account.fps) == ("Acme Two", "reseller", 100)


@pytest.mark.parametrize(
    "fields", [{"shortname": "acme-one"}, {"username": "a@example.com"}, {"retention": 180}, {"trial": 1}]
)
def test_an_update_body_is_strict(emulator: Emulator, caller: Caller, fields: dict[str, Any]) -> None:
    emulator.seed("acme-one")
    before = emulator.account("acme-one")
    assert caller.update(**fields).status == 400
    assert emulator.account("acme-one") == before


def test_delete_answers_204_without_a_body_and_the_name_is_free(caller: Caller) -> None:
    caller.create()
    reply = caller.delete()
    assert (reply.status, reply.body) == (204, b"")
    assert caller.read().status == 404
    assert caller.delete().status == 404
    assert caller.create().status == 201


def test_the_static_path_stands_before_the_shortname(caller: Caller) -> None:
    path = "/api/v1/customer/access-allowed-ips"
    assert caller.send("GET", path).json == []
    assert caller.send("PUT", path, ["192.0.2.0/24"]).status == 201
    assert caller.send("GET", path).json == ["192.0.2.0/24"]


def test_a_path_that_the_api_does_not_have_is_a_page_and_no_proof(caller: Caller) -> None:
    for path in ("/v1/customer/acme-one", "/api/v1//customer/acme-one", "//customer/acme-one", "/api/v1/customer/"):
        reply = caller.send("GET", path)
        assert (reply.status, reply.headers["Content-Type"][:9]) == (404, "text/html")
    assert caller.send("PATCH", "/api/v1/customer/acme-one", {}).status == 405


def test_parent_node_and_children_follow_the_tree(emulator: Emulator, caller: Caller) -> None:
    caller.create(shortname="msp-east", type="reseller")
    inside = Caller(emulator.netosecret, shortname="msp-east")
    inside.authenticate()
    leaf = inside.create(shortname="east-one").data
    assert leaf["reseller"] == {
        "children": 0,
        "is_parent": False,
        "node": "example-msp/msp-east/east-one",
        "parent": "msp-east",
    }
    above = caller.read("msp-east").data["reseller"]
    assert (above["children"], above["is_parent"]) == (1, True)


def test_twenty_creates_of_one_name_make_one_account(emulator: Emulator, caller: Caller) -> None:
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: caller.create().status, range(20)))
    assert sorted(statuses) == [201, *[409] * 19]
    assert len(emulator.accounts()) == 1
    assert len(emulator.mails()) == 1


def test_names_are_compared_exactly(caller: Caller) -> None:
    caller.create(shortname="Acme-One")
    assert caller.read("acme-one").status == 404
    assert caller.create(shortname="acme-one").status == 201


class TestSwitches:
    """Each unpublished behaviour under each of its values."""

    @pytest.mark.parametrize("status", [409, 400])
    def test_duplicate(self, emulator: Emulator, caller: Caller, status: int) -> None:
        emulator.switch(duplicate=status)
        caller.create()
        assert caller.create().status == status

    def test_shortnames_that_are_not_unique(self, emulator: Emulator, caller: Caller) -> None:
        emulator.switch(unique_shortnames=False)
        first = caller.create().data
        assert caller.create().status == 201
        assert len(emulator.accounts()) == 2
        assert caller.read().data["id"] == first["id"]

    @pytest.mark.parametrize(("unique", "status"), [(True, 409), (False, 201)])
    def test_emails(self, emulator: Emulator, caller: Caller, unique: bool, status: int) -> None:
        emulator.switch(unique_emails=unique)
        caller.create()
        assert caller.create(shortname="acme-two").status == status

    @pytest.mark.parametrize("status", [404, 400, 403])
    def test_absence(self, emulator: Emulator, caller: Caller, status: int) -> None:
        emulator.switch(absence=status)
        assert [caller.read().status, caller.update().status, caller.delete().status] == [status] * 3

    @pytest.mark.parametrize("extended", [False, True])
    def test_record(self, emulator: Emulator, caller: Caller, extended: bool) -> None:
        emulator.switch(record="extended" if extended else "strict")
        record = caller.create(fps=500).data
        extras = {"organization": "Acme, Inc.", "type": "customer", "fps": 500}
        assert {name: record.get(name) for name in extras} == (extras if extended else dict.fromkeys(extras))

    def test_a_parent_is_not_deleted(self, emulator: Emulator, caller: Caller) -> None:
        emulator.seed("msp-east")
        emulator.seed("east-one", parent="msp-east")
        assert caller.delete("msp-east").status == 409
        assert len(emulator.accounts()) == 2

    def test_a_parent_takes_its_children_along(self, emulator: Emulator, caller: Caller) -> None:
        emulator.switch(delete_parent="cascades")
        emulator.seed("msp-east")
        emulator.seed("east-one", parent="msp-east")
        assert caller.delete("msp-east").status == 204
        assert emulator.accounts() == ()
        assert [user.email for user in emulator.users()] == ["admin@example.com"]

    @pytest.mark.parametrize(("keeps", "left"), [("keeps", (True, 10)), ("resets", (False, None))])
    def test_put_without_the_optional_fields(
        self, emulator: Emulator, caller: Caller, keeps: str, left: tuple[bool, int | None]
    ) -> None:
        emulator.switch(put_omitted=keeps)
        emulator.seed("acme-one", trial=True, fps=10)
        caller.update()
        account = emulator.account("acme-one")
        assert account is not None
        assert (account.trial, account.fps) == left

    @pytest.mark.parametrize(
        ("scope", "includes", "names"),
        [
            ("direct", False, ["msp-east"]),
            ("subtree", False, ["msp-east", "east-one"]),
            ("direct", True, ["example-msp", "msp-east"]),
            ("subtree", True, ["example-msp", "msp-east", "east-one"]),
        ],
    )
    def test_list(self, emulator: Emulator, caller: Caller, scope: str, includes: bool, names: list[str]) -> None:
        emulator.switch(list_scope=scope, list_includes_caller=includes)
        emulator.seed("msp-east")
        emulator.seed("east-one", parent="msp-east")
        assert caller.names() == names

    @pytest.mark.parametrize(("limit", "count"), [(2, 2), (0, 3)])
    def test_list_limit(self, emulator: Emulator, caller: Caller, limit: int, count: int) -> None:
        emulator.switch(list_limit=limit)
        for name in ("acme-one", "acme-two", "acme-three"):
            emulator.seed(name)
        reply = caller.send("GET", "/api/v1/customers")
        assert len(reply.data) == reply.json["meta"]["count"] == count

    def test_single_as_list(self, emulator: Emulator, caller: Caller) -> None:
        emulator.switch(single_as="list")
        assert [record["shortname"] for record in caller.create().data] == ["acme-one"]

    @pytest.mark.parametrize(("parents", "status"), [("any", 201), ("reseller", 403)])
    def test_parents(self, emulator: Emulator, parents: str, status: int) -> None:
        emulator.switch(parents=parents)
        emulator.seed("acme-one", type="customer")
        inside = Caller(emulator.netosecret, shortname="acme-one")
        inside.authenticate()
        assert inside.create(shortname="below-it").status == status

    def test_types_and_labels(self, emulator: Emulator, caller: Caller) -> None:
        emulator.switch(types="msp2=MSSP,customer=SLG")
        records = caller.send("GET", "/api/v1/customers/types").data
        assert [(each["value"], each["label"]) for each in records] == [("msp2", "MSSP"), ("customer", "SLG")]
        assert caller.create(type="msp2").status == 201
        assert caller.create(shortname="acme-two", type="reseller").status == 400

    @pytest.mark.parametrize("retry_after", ["none", "seconds", "date"])
    def test_rate_limit(self, emulator: Emulator, caller: Caller, retry_after: str) -> None:
        emulator.switch(customer_rate="2/30", retry_after=retry_after)
        replies = [caller.create(shortname=f"acme-{number}") for number in range(3)]
        assert [reply.status for reply in replies] == [201, 201, 429]
        header = replies[-1].headers.get("Retry-After", "")
        assert {"none": header == "", "seconds": header.isdigit(), "date": header.endswith(" GMT")}[retry_after]
        assert len(emulator.accounts()) == 2

    def test_a_rate_limit_opens_with_its_window(self) -> None:
        now = time.time()
        with Emulator(Switches(customer_rate="2/300"), clock=lambda: now) as emulator:
            caller = Caller(emulator.netosecret)
            caller.authenticate(iat=int(now))
            assert [caller.create(shortname=f"acme-{number}").status for number in range(3)] == [201, 201, 429]
            now += 299
            assert caller.create(shortname="acme-3").status == 429
            now += 1
            assert caller.create(shortname="acme-4").status == 201

    def test_users_are_limited_as_documented(self, emulator: Emulator, caller: Caller) -> None:
        body = {"given_name": "A", "family_name": "B", "email": "x", "roles": []}
        statuses = [caller.send("POST", "/api/v1/user", body).status for _ in range(51)]
        assert statuses == [*[400] * 50, 429]

    def test_stale_reads(self, emulator: Emulator, caller: Caller) -> None:
        emulator.switch(stale_reads=2)
        caller.create()
        assert [caller.read().status for _ in range(3)] == [404, 404, 200]
        caller.update()
        assert [caller.read().data["billing"]["data_retention"] for _ in range(3)] == [90, 90, 45]
        caller.delete()
        assert [caller.names(), caller.names(), caller.names()] == [["acme-one"], ["acme-one"], []]


def test_users_and_roles_and_keys_have_their_whole_life(caller: Caller) -> None:
    permissions = caller.send("GET", "/api/v1/roles/permissions").json
    assert {"resource", "fetch", "create", "update", "delete"} <= set(permissions[0])
    assert [role["name"] for role in caller.send("GET", "/api/v1/roles").data] == [
        "admin",
        "operational_manager",
        "report_user",
        "readonly",
        "neto_flow",
    ]
    body = {"name": "onboarding", "canMasquerade": True, "permissions": [{"resource": "customers", "fetch": True}]}
    role = caller.send("POST", "/api/v1/roles", body).data
    assert role == {**body, "id": role["id"], "canSendFlow": False, "system": False}
    assert caller.send("POST", "/api/v1/roles", body).status == 400
    user_body = {"given_name": "A", "family_name": "B", "email": "a@example.com", "roles": ["onboarding"]}
    user = caller.send("POST", "/api/v1/user", user_body).data
    assert caller.send("GET", f"/api/v1/user/{user['id']}").data == {**user_body, "id": user["id"]}
    assert caller.send("DELETE", f"/api/v1/roles/{role['id']}").status == 409
    assert caller.send("PUT", f"/api/v1/user/{user['id']}", {**user_body, "roles": ["readonly"]}).status == 200
    assert caller.send("PUT", f"/api/v1/user/{user['id']}", {**user_body, "email": "b@example.com"}).status == 400
    changed = caller.send("PUT", f"/api/v1/roles/{role['id']}", {**body, "description": "More"})
    assert (changed.status, changed.data["description"]) == (200, "More")
    assert caller.send("DELETE", f"/api/v1/roles/{role['id']}").status == 204
    assert caller.send("GET", f"/api/v1/roles/{role['id']}").status == 404
    assert caller.send("DELETE", f"/api/v1/user/{user['id']}").status == 204
    (last,) = caller.send("GET", "/api/v1/users").data
    assert caller.send("DELETE", f"/api/v1/user/{last['id']}").status == 400
    key = caller.send("POST", "/api/v1/api-keys", {"appname": "ci", "roles": ["readonly"]}).data
    assert "appkey" in key
    assert "appkey" not in caller.send("GET", "/api/v1/api-keys/ci").data
    assert caller.send("PUT", "/api/v1/api-keys/ci/regen").data["appkey"] != key["appkey"]
    assert caller.send("DELETE", "/api/v1/api-keys/ci").status == 204
    assert [each["appname"] for each in caller.send("GET", "/api/v1/api-keys").data] == ["pulumi-fusion"]
