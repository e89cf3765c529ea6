"""Tokens: how a client gets one, what it permits, how it ends."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from fusion_emulator import ROOT, Emulator, Switches
from tests.contract.emulator.caller import Caller, customer

TYPES = "/api/v1/customers/types"


def acts_in(caller: Caller) -> str:
    """Return the account of the caller's token, which is the parent of an account that it creates."""
    reply = caller.create(shortname="made-here")
    assert reply.status == 201
    parent: str = reply.data["reseller"]["parent"]
    return parent


def test_the_credential_has_the_format_of_the_portal(emulator: Emulator) -> None:
    caller = Caller(emulator.netosecret)
    assert "=" not in emulator.netosecret
    assert list(caller.secret) == ["url", "shortname", "appname", "sharedsecret", "appkey"]
    assert caller.secret["url"] == f"{emulator.url}/api/v1"


@pytest.mark.parametrize("padded", [False, True])
def test_the_padding_of_the_credential_is_a_switch(padded: bool) -> None:
    lengths = set()
    # One of three lengths of the JSON needs no padding, so three names have all of them.
    with Emulator(Switches(padded_credential=padded)) as emulator:
        for appname in ("a", "ab", "abc"):
            netosecret = emulator.key(appname=appname)
            lengths.add(len(netosecret) % 4)
            assert json.loads(base64.b64decode(netosecret + "=" * (0 if padded else 2)))["appname"] == appname
    assert lengths == ({0} if padded else {0, 2, 3})


def test_a_signed_request_token_is_exchanged_for_an_access_token(emulator: Emulator) -> None:
    caller = Caller(emulator.netosecret)
    reply = caller.authenticate()
    assert reply.status == 200
    assert reply.json["token_type"] == "bearer"
    assert reply.json["expires_in"] == 86400
    assert caller.send("GET", TYPES).status == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"jti": 12345},
        {"jti": "12345"},
        {"iat": lambda: str(int(time.time()))},
        {"iat": time.time},
        {"iat": lambda: int(time.time()) - 240},
    ],
    ids=["numeric-jti", "text-jti", "text-iat", "float-iat", "four-minutes-old"],
)
def test_request_tokens_of_all_forms_of_the_vendors_samples_are_accepted(
    emulator: Emulator, claims: dict[str, Any]
) -> None:
    # Evaluated by the test and not at its collection, which is minutes earlier.
    evaluated = {name: value() if callable(value) else value for name, value in claims.items()}
    assert Caller(emulator.netosecret).authenticate(**evaluated).status == 200


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"appname": "nobody"}, 404),
        ({"shortname": "nobody"}, 404),
        ({"appkey": "wrong"}, 401),
        ({"key": "x" * 64}, 401),
        ({"jti": None}, 401),
        ({"jti": True}, 401),
        ({"iat": None}, 401),
        ({"iat": "soon"}, 401),
        ({"iat": "nan"}, 401),
        ({"iat": True}, 401),
        ({"appname": None}, 401),
        ({"appkey": None}, 401),
        ({"shortname": None}, 401),
        ({"iat": 10**299}, 401),
        ({"iat": 10**400}, 401),
        ({"iat": "9" * 400}, 401),
        ({"iat": float("nan")}, 401),
        ({"iat": float("inf")}, 401),
        ({"iat": "-inf"}, 401),
        ({"iat": []}, 401),
        ({"exp": float("inf")}, 401),
        ({"exp": {}}, 401),
        ({"nbf": "x"}, 401),
        ({"appname": "\ud800"}, 401),
        ({"appkey": "\udfff"}, 401),
        ({"shortname": "\ud800"}, 401),
        ({"jti": "\ud800"}, 401),
        ({"appname": True}, 401),
        ({"other": "\ud800"}, 401),
    ],
)
def test_an_invalid_request_token_is_refused(emulator: Emulator, claims: dict[str, Any], status: int) -> None:
    reply = Caller(emulator.netosecret).authenticate(**claims)
    assert (reply.status, reply.json["status"]) == (status, status)
    assert set(reply.json) == {"status", "name", "message"}


@pytest.mark.parametrize(
    ("claims", "named"),
    [
        ({"iat": lambda: int(time.time()) - 3600}, "has expired"),
        ({"iat": lambda: int(time.time()) + 3600}, "is too early"),
        ({"exp": lambda: int(time.time()) - 1}, "has expired"),
        ({"nbf": lambda: int(time.time()) + 60}, "is too early"),
        ({"key": lambda: "x" * 64}, "signature"),
        ({"key": lambda: "x" * 64, "iat": lambda: 0}, "signature"),
    ],
)
def test_a_request_token_of_another_time_is_not_reported_as_a_wrong_signature(
    emulator: Emulator, claims: dict[str, Any], named: str
) -> None:
    reply = Caller(emulator.netosecret).authenticate(**{name: value() for name, value in claims.items()})
    assert reply.status == 401
    assert named in reply.json["message"]


NESTED = b"[" * 100000


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (b'{"alg": "none"}', b"{}"),
        (b'{"alg": "RS256"}', b"{}"),
        (b'{"alg": ["HS256"]}', b"{}"),
        (b'{"alg": 1, "kid": 2}', b"{}"),
        (b'{"alg": "HS256", "b64": false, "crit": ["b64"]}', b"{}"),
        (b"[]", b"{}"),
        (b"{", b"{}"),
        (b"\xff", b"{}"),
        (NESTED, b"{}"),
        (b'{"alg": "HS256"}', NESTED),
        (b'{"alg": "HS256"}', b"\xff"),
        (b'{"alg": "HS256"}', b"[]"),
        (b'{"alg": "HS256"}', b"7"),
        (b'{"alg": "HS256"}', b'{"iat": 1' + b"0" * 5000 + b"}"),
        (b'{"alg": "HS256"}', b'{"jti": "\xed\xa0\x80"}'),
    ],
    ids=lambda value: value[:24].decode("latin-1"),
)
def test_parts_that_are_not_those_of_a_jwt_are_refused(
    shared_emulator: Emulator, header: bytes, payload: bytes
) -> None:
    parts = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, payload, b"signature"))
    caller = Caller(shared_emulator.netosecret)
    token = ".".join(parts)
    assert caller.send("POST", "/api/v1/auth/token", {"jwt": token}, bearer=None).status == 401
    # The server limits the size of a head.
    assert caller.send("GET", TYPES, bearer=token[:60000]).status == 401


@pytest.mark.parametrize("token", ["\ud800", "a.b.c\udfff", "é.é.é", "..", "", "a" * 500000, "\x00"])
def test_a_text_that_is_not_a_jwt_is_refused(shared_emulator: Emulator, token: str) -> None:
    reply = Caller(shared_emulator.netosecret).send("POST", "/api/v1/auth/token", {"jwt": token}, bearer=None)
    assert reply.status == (400 if "\ud7ff" < token[-1:] < "\ue000" else 401)


def test_an_unsigned_request_token_is_refused(emulator: Emulator) -> None:
    caller = Caller(emulator.netosecret)
    claims = jwt.decode(caller.request_token(), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none")
    assert caller.send("POST", "/api/v1/auth/token", {"jwt": unsigned}, bearer=None).status == 401


@pytest.mark.parametrize(
    "body", [{}, {"jwt": 7}, {"jwt": "x", "more": 1}, [], b"{", b"", NESTED, b"\xff", "{}".encode("utf-16")]
)
def test_an_invalid_body_with_a_request_token_is_refused(emulator: Emulator, body: object) -> None:
    assert Caller(emulator.netosecret).send("POST", "/api/v1/auth/token", body, bearer=None).status == 400


@pytest.mark.parametrize(("replay", "status"), [("refused", 401), ("accepted", 200)])
def test_whether_a_request_token_works_twice_is_a_switch(emulator: Emulator, replay: str, status: int) -> None:
    emulator.switch(replay=replay)
    caller = Caller(emulator.netosecret)
    body = {"jwt": caller.request_token()}
    assert caller.send("POST", "/api/v1/auth/token", body, bearer=None).status == 200
    again = caller.send("POST", "/api/v1/auth/token", body, bearer=None)
    assert again.status == status
    assert ("was used before" in again.body.decode()) is (status == 401)


@pytest.mark.parametrize(("iat", "status"), [("strict", 401), ("wide", 200)])
def test_the_maximum_age_of_a_request_token_is_a_switch(emulator: Emulator, iat: str, status: int) -> None:
    emulator.switch(iat=iat)
    assert Caller(emulator.netosecret).authenticate(iat=int(time.time()) - 3600).status == status


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_requests_without_a_valid_access_token_are_401(emulator: Emulator, header: dict[str, str]) -> None:
    caller = Caller(emulator.netosecret)
    for method, path in [("GET", TYPES), ("POST", "/api/v1/customer"), ("DELETE", "/api/v1/customer/acme-one")]:
        assert caller.send(method, path, customer(), headers=header).status == 401


def test_an_access_token_is_refused_after_its_lifetime() -> None:
    now = time.time()
    with Emulator(clock=lambda: now) as emulator:
        emulator.switch(token_lifetime=60)
        caller = Caller(emulator.netosecret)
        assert caller.authenticate(iat=int(now)).json["expires_in"] == 60
        assert caller.send("GET", TYPES).status == 200
        now += 61
        assert caller.send("GET", TYPES).status == 401


def test_an_access_token_of_another_emulator_is_refused(caller: Caller) -> None:
    with Emulator() as other:
        assert Caller(other.netosecret, token=caller.token).send("GET", TYPES).status == 401


def test_a_refresh_token_is_not_an_access_token(emulator: Emulator) -> None:
    caller = Caller(emulator.netosecret)
    token = caller.authenticate().json["refresh_token"]
    assert caller.send("GET", TYPES, bearer=token).status == 401


@pytest.mark.parametrize(
    ("masquerade", "status"), [("allowed", 200), ("401", 401), ("404", 404), ("parent-token", 200)]
)
def test_the_answer_to_a_request_token_for_a_sub_account_is_a_switch(
    emulator: Emulator, masquerade: str, status: int
) -> None:
    emulator.seed("msp-east", type="reseller")
    emulator.switch(masquerade=masquerade)
    caller = Caller(emulator.netosecret, shortname="msp-east")
    assert caller.authenticate().status == status
    if status == 200:
        assert acts_in(caller) == ("msp-east" if masquerade == "allowed" else ROOT)


def test_a_token_of_a_sub_account_reaches_only_its_descendants(emulator: Emulator, caller: Caller) -> None:
    emulator.seed("msp-east", type="reseller")
    emulator.seed("east-one", parent="msp-east")
    emulator.seed("west-one")
    inside = Caller(emulator.netosecret, shortname="msp-east")
    inside.authenticate()
    assert inside.names() == ["east-one"]
    assert inside.read("west-one").status == 404
    assert inside.delete("west-one").status == 404
    assert inside.delete("msp-east").status == 403
    assert caller.read("east-one").status == 200


def test_a_key_of_a_sub_account_reaches_neither_its_parent_nor_its_siblings(emulator: Emulator) -> None:
    emulator.seed("msp-east", type="reseller")
    emulator.seed("west-one")
    netosecret = emulator.key("msp-east")
    assert Caller(netosecret).authenticate().status == 200
    assert Caller(netosecret, shortname=ROOT).authenticate().status == 401
    assert Caller(netosecret, shortname="west-one").authenticate().status == 401


def test_a_key_whose_role_may_not_masquerade_is_refused_in_a_sub_account(emulator: Emulator) -> None:
    emulator.seed("acme-one")
    assert Caller(emulator.key(role="readonly"), shortname="acme-one").authenticate().status == 200
    assert Caller(emulator.key(role="neto_flow"), shortname="acme-one").authenticate().status == 401


@pytest.mark.parametrize(
    ("role", "read", "write"),
    [("admin", 200, 201), ("readonly", 200, 403), ("operational_manager", 200, 403), ("neto_flow", 403, 403)],
)
def test_the_role_of_a_key_permits_and_forbids_requests(emulator: Emulator, role: str, read: int, write: int) -> None:
    caller = Caller(emulator.key(role=role))
    caller.authenticate()
    assert caller.send("GET", "/api/v1/customers").status == read
    assert caller.create().status == write
    assert len(emulator.accounts()) == (1 if write == 201 else 0)


@pytest.mark.parametrize("names", [True, False])
def test_whether_an_access_token_names_its_account_is_a_switch(emulator: Emulator, names: bool) -> None:
    emulator.switch(token_names_account=names)
    reply = Caller(emulator.netosecret).authenticate()
    claims = jwt.decode(reply.json["access_token"], options={"verify_signature": False})
    assert (ROOT in claims.values()) is names
