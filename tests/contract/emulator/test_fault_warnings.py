"""Faults that can have no effect, and faults that had none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_emulator import Emulator, Fault, FaultWarning
from fusion_emulator.app import affected_routes
from fusion_emulator.faults.reach import warning
from fusion_emulator.journal import matches
from tests.contract.emulator.caller import Caller
from tests.scale import scaled

PATHS = sorted(
    {re.sub(r"<[^>]*>", name, each.path) for each in affected_routes() for name in ("acme-one", "a", "users")}
)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["GET /custmer 503"],
            "no route of the API matches /custmer (did you mean /customer?); there are /api-keys, /auth/token, ",
        ),
        (["GET /customer/ 503"], "no route of the API matches /customer/"),
        (["GET /customer/a/b 503"], "no route of the API matches /customer/a/b"),
        (["* /_emulator/* 503"], "no route of the API matches /_emulator/*; there are "),
        (["GET /Customers 503"], "no route of the API matches /Customers"),
        (["DELETE /customers 503"], "/customers has no method DELETE; it has GET, HEAD, OPTIONS"),
        (["PATCH * reset"], "* has no method PATCH; it has "),
        (
            ["GET /users stale=1"],
            "stale affects only DELETE /customer/<shortname>, GET /customer/<shortname>, GET /cus",
        ),
        (["* * 503", "GET /customers 500"], "'* * 503' was added before it and affects all its requests"),
        (["* /customer* 503", "* /api/v1/customer/?cme 500"], "'* /customer* 503' was added before it"),
        (["* * delay=1", "GET * delay=2"], "'* * delay=1' was added before it"),
        (["GET /customer/[ab] 503", "GET /customer/[ab] 500 x1"], "'GET /customer/[ab] 503' was added before it"),
    ],
)
def test_a_fault_that_can_have_no_effect_is_warned_of(emulator: Emulator, lines: list[str], reason: str) -> None:
    emulator.faults.add(*lines[:-1])
    with pytest.warns(FaultWarning) as issued:
        emulator.faults.add(lines[-1])
    assert str(issued[0].message).startswith(f"the fault {lines[-1]!r} has no effect: {reason}")
    assert issued[0].filename == __file__
    assert len(emulator.faults) == len(lines)


@pytest.mark.parametrize(
    "lines",
    [
        ["* * 503 x1", "GET /customers 500"],
        ["* * 503 skip=1", "GET /customers 500"],
        ["GET * 503", "POST /customer 500"],
        ["* * 503", "* * delay=1", "* * clock-skew=1"],
        ["GET /customer? 503", "GET /customer* 500"],
        ["GET /customer/[a] 503", "GET /customer/? 500"],
        ["GET /customer/x*b] 503", "GET /customer/[x]*[ab] 500"],
        ["GET /customer/acc*ips stale=1", "PUT /*/*-ips stale=1"],
        ["GET /*/v1/cust[!x]mers 503"],
        ["OPTIONS /customers 503", "HEAD /customers 503"],
    ],
)
def test_a_fault_that_can_have_an_effect_is_not_warned_of(emulator: Emulator, lines: list[str]) -> None:
    emulator.faults.add(*lines)


PIECES = [
    "/",
    "*",
    "?",
    "[a-c]",
    "[!u]",
    "[",
    "]",
    "a",
    "users",
    "customer",
    "customers",
    "/api/v1/",
    "/api",
    "acme-one",
]
PATTERNS = st.lists(st.sampled_from(PIECES), max_size=6).map(lambda pieces: "/" + "".join(pieces)) | st.just("*")


@given(PATTERNS)
@settings(max_examples=scaled(100, nightly=3000))
def test_no_pattern_that_matches_a_path_of_a_route_is_warned_of(pattern: str) -> None:
    found = warning(Fault.parse(f"* {pattern} 503"), [], affected_routes())
    assert not (found and any(matches("GET", path, method="*", path=pattern) for path in PATHS)), found


@given(PATTERNS, PATTERNS)
@settings(max_examples=scaled(100, nightly=3000))
def test_no_fault_is_warned_of_that_an_earlier_one_leaves_a_request(general: str, pattern: str) -> None:
    found = warning(Fault.parse(f"* {pattern} 503"), [Fault.parse(f"* {general} 500")], affected_routes())
    if found and "was added before it" in found:
        left = [path for path in PATHS if not matches("GET", path, method="*", path=general)]
        assert not [path for path in left if matches("GET", path, method="*", path=pattern)]


def test_the_warnings_are_returned_to_another_process(emulator: Emulator, caller: Caller) -> None:
    lines = ["GET /customers 503", "GET /custmers 503", "GET /customers 500 x1"]
    path = "/_emulator/faults"
    added = caller.send("POST", path, {"faults": lines}).json
    assert [each["fault"] for each in added] == lines
    assert [str(each["warning"]).partition(":")[0] for each in added] == [
        "None",
        *(f"the fault {line!r} has no effect" for line in lines[1:]),
    ]
    assert caller.send("GET", path).json == added
    assert caller.send("GET", "/_emulator/").body.count(b"Warning: the fault") == 2


def test_the_faults_of_a_new_emulator_are_checked() -> None:
    with pytest.warns(FaultWarning, match="/custmers") as issued:
        Emulator(faults=["GET /custmers 503"])
    assert issued[0].filename == __file__


def test_the_unused_faults_are_listed(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers 500 x2", "GET /users 500 x1", "GET /customer/* 500 skip=1")
    for path in ("/customers", "/users", "/customer/acme-one"):
        caller.send("GET", f"/api/v1{path}")
    assert [each.text for each in emulator.faults.unused()] == ["GET /customer/* 500 skip=1"]


def test_at_most_1000_faults_are_active(emulator: Emulator, caller: Caller) -> None:
    path = "/_emulator/faults"
    lines = [f"GET /customer/acme-{number} 503 x1" for number in range(1000)]
    assert len(caller.send("POST", path, {"faults": lines}).json) == 1000
    refused = caller.send("POST", path, {"faults": lines[:1]})
    assert (refused.status, refused.json["message"]) == (400, "more than 1000 faults at once; remove some first")
    assert len(emulator.faults) == 1000
