"""Every kind of invalid value: one failure at its property, with a stable message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.customer.checking import REQUIRED, failures
from tests.unit.samples import DECLARED

LABELS = {
    "email": "Email",
    "givenName": "Given Name",
    "familyName": "Family Name",
    "organization": "Organization",
    "shortname": "Shortname",
    "type": "Type",
    "status": "Status",
    "dataRetention": "Data Retention",
    "rollupRetention": "Rollup Retention",
    "contractualFlowsPerSecond": "Contractual Flows per Second",
    "multiAccount": "Multi Account",
    "internal": "Internal",
    "deletionProtection": "Deletion Protection",
    "adopt": "Adopt",
}

NOT_A_STRING: list[tuple[Any, str]] = [
    (7, "must be a string, not 7"),
    (7.5, "must be a string, not 7.5"),
    (True, "must be a string, not true"),
    ([], "must be a string, not a list"),
    ({"a": 1}, "must be a string, not a map"),
    (b"bytes", "must be a string, not a bytes"),
]
BAD_TEXTS: list[tuple[Any, str]] = [
    *NOT_A_STRING,
    ("", "must not be blank"),
    ("   ", "must not be blank"),
    ("\t\n", "must not be blank"),
    ("\u00a0", "must not be blank"),
    (" padded", "must not begin or end with white space"),
    ("padded ", "must not begin or end with white space"),
    ("padded\n", "must not begin or end with white space"),
    ("\u2003padded", "must not begin or end with white space"),
    ("nul\0inside", "must not contain control"),
    ("bell\ainside", "must not contain control"),
    ("line\nbreak", "must not contain control"),
    ("line\u2028break", "must not contain control"),
    ("del\x7finside", "must not contain control"),
    ("right\u202eto left", "must not contain control"),
    ("mark\u200finside", "must not contain control"),
    ("zero\u200bwidth", "must not contain control"),
    ("\ufeffbom", "must not contain control"),
    ("half\ud800character", "must not contain control"),
    ("soft\u00adhyphen", "must not contain control"),
    ("word\u2060joiner", "must not contain control"),
    ("isolate\u2066d", "must not contain control"),
    ("tag\U000e0041ged", "must not contain control"),
    ("joiner \u200cat a space", "must not contain control"),
    ("\u200djoiner at the start", "must not contain control"),
    ("joiner at the end\u200d", "must not contain control"),
    ("joiners\u200c\u200din a row", "must not contain control"),
    ("joiner\u200d1 at a digit", "must not contain control"),
]
BAD_STATUSES = [(value, "must be one of 'Active', 'Trial Active', not") for value, _ in NOT_A_STRING]
BAD_NUMBERS: list[Any] = [True, False, "90", "", 90.5, float("nan"), float("inf"), float("-inf"), [90], {"days": 90}]
NOT_A_BOOLEAN: list[Any] = [0, 1, "true", "yes", "", 1.0, [], {}]
DAYS = "must be one of 7, 45, 90, 180 (days), not"
ROLLUP = "must be one of 7, 90, 180, 365 (days), not"
FLOWS = "must be a whole number of flows per second from 1 to 2147483647, not"
CHARACTERS = "may contain ASCII letters, digits and -._~!$&'()*,;=:@ only (RFC 3986 without + and %), not"
LENGTH = "must have 5 to 16 characters, and"
EMAIL = "must be an e-mail address such as admin@example.com"

INVALID: list[tuple[str, Any, str]] = [
    *((key, None, "is required") for key in REQUIRED),
    *((key, *bad) for key in ("givenName", "familyName", "organization", "adopt") for bad in BAD_TEXTS),
    *((key, *bad) for key in ("email", "shortname", "type") for bad in BAD_TEXTS),
    *(("status", *bad) for bad in BAD_STATUSES),
    ("status", "", "must be one of 'Active', 'Trial Active', not ''"),
    ("status", "active", "must be one of 'Active', 'Trial Active', not 'active' (did you mean 'Active'?)"),
    ("status", "Trial", "must be one of 'Active', 'Trial Active', not 'Trial'"),
    ("status", "Active ", "must be one of 'Active', 'Trial Active', not 'Active '"),
    ("status", "Suspended", "must be one of 'Active', 'Trial Active', not 'Suspended'"),
    *(("dataRetention", value, DAYS) for value in BAD_NUMBERS),
    *(("dataRetention", value, f"{DAYS} {value}") for value in (0, -7, 8, 30, 60, 365, 2**63)),
    ("dataRetention", "90", f"{DAYS} '90' (write it without quotes)"),
    ("dataRetention", 1e300, f"{DAYS} 1000000000"),
    *(("rollupRetention", value, ROLLUP) for value in BAD_NUMBERS),
    *(("rollupRetention", value, f"{ROLLUP} {value}") for value in (0, -90, 45, 91, 366, 2**63)),
    *(("contractualFlowsPerSecond", value, FLOWS) for value in BAD_NUMBERS),
    *(("contractualFlowsPerSecond", value, f"{FLOWS} {value}") for value in (0, -1, 2**31, 2**63)),
    ("contractualFlowsPerSecond", 0.0, f"{FLOWS} 0; leave it out if the contract has none"),
    *(
        (key, value, "must be true or false, not")
        for key in ("multiAccount", "internal", "deletionProtection")
        for value in NOT_A_BOOLEAN
    ),
    ("shortname", "a", f"{LENGTH} 'a' has 1"),
    ("shortname", "abcd", f"{LENGTH} 'abcd' has 4"),
    ("shortname", "abcdefghijklmnopq", f"{LENGTH} 'abcdefghijklmnopq' has 17"),
    ("shortname", "x" * 5000, f"{LENGTH} 'xxxxxxxx"),
    *(("shortname", f"acme{c}corp", f"{CHARACTERS} {c!r}") for c in '+%/\\ ?#[]{}<>^`|"äß漢'),
    ("shortname", "acme%2Fcorp", f"{CHARACTERS} '%'"),
    ("shortname", "a+b", f"{LENGTH} 'a+b' has 3; {CHARACTERS} '+'"),
    ("shortname", "acme\u00a0co", f"{CHARACTERS} '\\xa0'"),
    *(
        ("email", value, EMAIL)
        for value in (
            "nobody",
            "@example.com",
            "admin@",
            "admin@example",
            "admin@@example.com",
            "a b@example.com",
            "admin@exa mple.com",
            "admin@test",
            "admin@localhost",
            "admin@fusion.invalid",
            "admin@example..com",
            "admin@.example.com",
            "admin@-example.com",
            ".admin@example.com",
            "ad..min@example.com",
            "admin@example.com, other@example.com",
            "Ada <admin@example.com>",
            "mailto:admin@example.com",
            "admin@[192.0.2.1]",
            f"{'a' * 65}@example.com",
            f"admin@{'a' * 64}.com",
            f"admin@{'a.' * 130}com",
        )
    ),
    ("type", "slg", "must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', not 'slg' (did you mean 'SLG'?)"),
    ("type", "Customer", "must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', not 'Customer' (did you mean"),
    ("type", "mssp", "must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', not 'mssp' (did you mean 'MSSP'?"),
    ("type", "partner", "must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', not 'partner'"),
]


def test_the_table_has_at_least_150_cases() -> None:
    assert len({(key, repr(value)) for key, value, _ in INVALID}) >= 150


@pytest.mark.parametrize(("key", "value", "start"), INVALID, ids=lambda part: ascii(part)[:40])
def test_an_invalid_value_is_one_failure_at_its_property(key: str, value: Any, start: str) -> None:
    [(named, reason)] = failures({**DECLARED, key: value})
    assert named == key
    assert reason.startswith(f"{LABELS[key]} {start}")
    assert len(reason) < 500
    assert reason.isprintable()


def test_messages_are_stable() -> None:
    assert failures({**DECLARED, "dataRetention": 30}) == [
        ("dataRetention", "Data Retention must be one of 7, 45, 90, 180 (days), not 30")
    ]
    assert failures({**DECLARED, "organization": " Acme"}) == [
        ("organization", "Organization must not begin or end with white space: remove it from ' Acme'")
    ]
    assert failures({**DECLARED, "dataRetention": 180}) == [
        ("rollupRetention", "Rollup Retention must be at least the Data Retention of 180 days, not 90")
    ]
