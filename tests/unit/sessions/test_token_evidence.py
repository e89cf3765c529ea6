"""A token is accepted only with evidence, for every service that the emulator models."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from pulumi_fusion.customer.model import Account
from pulumi_fusion.sessions.token_evidence import Evidence, claimed_account, token_problem


def account(shortname: str, parent: str | None = "msp", id_: str | None = None) -> Account:
    return Account(shortname=shortname, id=id_ or f"id-{shortname}", parent=parent)


HOME = account("msp", None)
ACME, OTHER = account("acme"), account("other")
BELOW, DEEP = account("below", "acme"), account("deep", "below")

INSIDE = [
    ("a leaf", [ACME, OTHER], [], ACME, None),
    ("a leaf that names its account", [ACME, OTHER], [], ACME, "acme"),
    ("one with customers", [ACME, OTHER], [BELOW], ACME, None),
    ("a whole subtree", [ACME, OTHER, BELOW, DEEP], [BELOW, DEEP], ACME, None),
    ("lists with who asks", [HOME, ACME, OTHER], [ACME, BELOW], ACME, None),
    ("the only customer", [ACME], [], ACME, None),
    ("no right to list, but it names its account", [ACME], None, None, "acme"),
    ("does not show itself, but it names its account", [ACME], [], None, "acme"),
]
NOT_VERIFIED = [
    ("our own token", [ACME, OTHER], [ACME, OTHER], ACME, None),
    ("our own, with who asks", [HOME, ACME], [HOME, ACME], ACME, None),
    ("our own, with one customer", [ACME], [ACME], ACME, None),
    ("our own, put below its own customer", [HOME, ACME], [account("msp", "acme"), ACME], ACME, None),
    ("the caller's own token, which names the customer", [ACME, OTHER], [ACME, OTHER], ACME, "acme"),
    ("another name", [ACME, OTHER], [], ACME, "other"),
    ("our own name", [ACME, OTHER], [], ACME, "msp"),
    ("another customer, a leaf", [ACME, OTHER], [], None, None),
    ("another customer with customers", [ACME, OTHER], [account("new_list", "other")], None, None),
    ("another account of that name", [ACME, OTHER], [], account("acme", "other", "id-else"), None),
    ("no id to compare", [ACME, OTHER], [], Account(shortname="acme"), None),
    ("nothing to see and no name", [ACME], None, ACME, None),
    ("no own list to compare with", [], [], ACME, None),
    ("an account without a parent", [ACME, OTHER], [account("stray", None)], ACME, None),
    ("parents in a circle", [ACME], [account("one", "two"), account("two", "one")], ACME, None),
]


@pytest.mark.parametrize(
    ("own_list", "new_list", "record", "claim"), [p[1:] for p in INSIDE], ids=[p[0] for p in INSIDE]
)
def test_a_token_of_the_customer_is_accepted(
    own_list: list[Account], new_list: list[Account] | None, record: Account | None, claim: str | None
) -> None:
    assert token_problem(ACME, "msp", Evidence(own_list, new_list, record, claim)) is None


@pytest.mark.parametrize(
    ("own_list", "new_list", "record", "claim"), [p[1:] for p in NOT_VERIFIED], ids=[p[0] for p in NOT_VERIFIED]
)
def test_a_token_without_evidence_is_not_accepted(
    own_list: list[Account], new_list: list[Account] | None, record: Account | None, claim: str | None
) -> None:
    assert token_problem(ACME, "msp", Evidence(own_list, new_list, record, claim))


@pytest.mark.parametrize("claim", [None, "acme"])
def test_a_token_that_can_read_a_sibling_is_not_accepted(claim: str | None) -> None:
    """A list may be empty temporarily; a customer that can be read by name isn't hidden by that."""
    assert token_problem(ACME, "msp", Evidence([ACME, OTHER], [], ACME, claim, sibling=OTHER))


def jwt_of(claims: object) -> str:
    return f"head.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signature"


@pytest.mark.parametrize(
    ("token", "account"),
    [
        (jwt_of({"shortname": "acme"}), "acme"),
        (jwt_of({"shortname": ""}), None),
        (jwt_of({"shortname": 7}), None),
        (jwt_of({"sub": "acme"}), None),
        (jwt_of(["shortname"]), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.\N{SNOWMAN}.c", None),
        ("", None),
    ],
)
def test_only_the_shortname_claim_of_a_token_is_read(token: str, account: str | None) -> None:
    assert claimed_account(token) == account
