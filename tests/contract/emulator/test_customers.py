"""The customers routes with the default switches."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fusion_emulator import Emulator
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


def test_a_created_account_has_an_administrator_who_would_get_a_mail(emulator: Emulator, caller: Caller) -> None:
    caller.create(username="first@example.com")
    (user,) = emulator.users("acme-one")
    assert (user.email, user.given_name, user.family_name, user.roles) == (
        "first@example.com",
        "Skippy",
        "Longbottom",
        ("admin",),
    )
    assert [mail.to for mail in emulator.mails()] == ["first@example.com"]


def test_ports_and_ids_are_never_used_again(caller: Caller) -> None:
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
    ("fps", 2**63),
    ("fps", None),
    ("username", "nobody"),
    ("given_name", ""),
    ("family_name", 7),
    ("id", "abc"),
    ("parent", "example-msp"),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_create_body_with_an_invalid_field_is_refused(
    emulator: Emulator, caller: Caller, field: str, value: Any
) -> None:
    reply = caller.create(**{field: value})
    assert reply.status == 400
    assert reply.json["message"].startswith(field)
    assert emulator.accounts() == ()


@pytest.mark.parametrize("field", sorted(CUSTOMER))
def test_a_create_body_without_a_required_field_is_refused(emulator: Emulator, caller: Caller, field: str) -> None:
    body = {name: value for name, value in CUSTOMER.items() if name != field}
    assert caller.send("POST", "/api/v1/customer", body).status == 400
    assert emulator.accounts() == ()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"retention": NaN}', b'{"fps": 1e400}', b"\xff"])
def test_a_body_that_is_not_a_json_object_is_refused(caller: Caller, body: bytes) -> None:
    assert caller.send("POST", "/api/v1/customer", body).status == 400


@pytest.mark.parametrize("field", ["organization", "username", "given_name", "more", "\ud800"])
def test_a_text_that_cannot_be_written_in_utf_8_is_refused(emulator: Emulator, caller: Caller, field: str) -> None:
    reply = caller.create(**{field: "a@b\udc80"})
    assert reply.status == 400
    assert "surrogate" in reply.json["message"]
    escaped_pair = caller.create(organization="\U0001f600")
    assert escaped_pair.status == 201
    assert len(emulator.accounts()) == 1


def test_everything_that_is_wrong_with_a_body_is_named_at_once(caller: Caller) -> None:
    body = {"retention": 30, "trial": "no", "id": 7, "shortname": "acme-one"}
    message = caller.send("POST", "/api/v1/customer", body).json["message"]
    listed, _, known = message.partition(" (there are: ")
    problems = dict(each.split(": ", 1) for each in listed.split("; "))
    assert known.startswith("shortname, organization, type")
    assert set(problems) == {"id", *CUSTOMER, "trial"} - {"shortname"}
    assert problems["retention"] == "expected one of (7, 45, 90, 180)"
    assert (problems["trial"], problems["username"]) == ("expected boolean", "required")


def test_a_body_of_another_media_type_is_refused(caller: Caller) -> None:
    body = json.dumps(customer()).encode()
    assert caller.send("POST", "/api/v1/customer", body, headers={"Content-Type": "text/plain"}).status == 400


@pytest.mark.parametrize("shortname", ["a-._~", "!$&'()*,;=:@", "A1234567890123zZ", "....."])
def test_a_shortname_may_have_every_path_segment_character_except_plus_and_percent(
    caller: Caller, shortname: str
) -> None:
    assert caller.create(shortname=shortname).status == 201
    assert caller.read(shortname).data["shortname"] == shortname
    assert caller.delete(shortname).status == 204


def test_put_replaces_the_fields_and_returns_the_record(emulator: Emulator, caller: Caller) -> None:
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
def test_an_update_body_with_an_invalid_field_is_refused(
    emulator: Emulator, caller: Caller, fields: dict[str, Any]
) -> None:
    emulator.seed("acme-one")
    before = emulator.account("acme-one")
    assert caller.update(**fields).status == 400
    assert emulator.account("acme-one") == before


def test_delete_answers_204_without_a_body_and_frees_the_shortname(caller: Caller) -> None:
    caller.create()
    reply = caller.delete()
    assert (reply.status, reply.body) == (204, b"")
    assert caller.read().status == 404
    assert caller.delete().status == 404
    assert caller.create().status == 201


def test_an_unknown_path_is_answered_by_a_page_of_a_gateway(caller: Caller) -> None:
    for path in ("/v1/customer/acme-one", "/api/v1//customer/acme-one", "//customer/acme-one", "/api/v1/customer/"):
        reply = caller.send("GET", path)
        assert (reply.status, reply.headers["Content-Type"][:9]) == (404, "text/html")
    assert caller.send("PATCH", "/api/v1/customer/acme-one", {}).status == 405


def test_parent_node_and_children_of_a_record_show_the_tree(emulator: Emulator, caller: Caller) -> None:
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


def test_twenty_concurrent_creates_of_one_shortname_create_one_account(emulator: Emulator, caller: Caller) -> None:
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: caller.create().status, range(20)))
    assert sorted(statuses) == [201, *[409] * 19]
    assert len(emulator.accounts()) == 1
    assert len(emulator.mails()) == 1


def test_shortnames_are_compared_exactly(caller: Caller) -> None:
    caller.create(shortname="Acme-One")
    assert caller.read("acme-one").status == 404
    assert caller.create(shortname="acme-one").status == 201
