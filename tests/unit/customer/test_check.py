"""What a program may declare: every broken rule named with its property, all at once, and nothing raised."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.customer.changes import UNKNOWN
from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.model import AccountType, CustomerStatus, CustomerType, Inputs, State, state_key
from tests.unit.operations.scripted import DECLARED

KEYS = [state_key(name) for name in Inputs.model_fields]
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
REQUIRED = list(DECLARED)

NO_TEXT: list[tuple[Any, str]] = [
    (7, "must be a text, not 7"),
    (7.5, "must be a text, not 7.5"),
    (True, "must be a text, not true"),
    ([], "must be a text, not a list"),
    ({"a": 1}, "must be a text, not a map"),
    (b"bytes", "must be a text, not a bytes"),
]
BAD_TEXT: list[tuple[Any, str]] = [
    *NO_TEXT,
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
BAD_WORDS = [(value, "must be one of 'Active', 'Trial Active', not") for value, _ in NO_TEXT]
BAD_NUMBERS: list[Any] = [True, False, "90", "", 90.5, float("nan"), float("inf"), float("-inf"), [90], {"days": 90}]
NO_SWITCH: list[Any] = [0, 1, "true", "yes", "", 1.0, [], {}]
DAYS = "must be one of 7, 45, 90, 180 (days), not"
ROLLUP = "must be one of 7, 90, 180, 365 (days), not"
FLOWS = "must be a whole number of flows per second from 1 to 2147483647, not"
CHARACTERS = "may hold ASCII letters, digits and -._~!$&'()*,;=:@ only (RFC 3986 without + and %), not"
LENGTH = "must have 5 to 16 characters, and"
EMAIL = "must be an e-mail address such as admin@example.com"

INVALID: list[tuple[str, Any, str]] = [
    *((key, None, "is required") for key in REQUIRED),
    *((key, *bad) for key in ("givenName", "familyName", "organization", "adopt") for bad in BAD_TEXT),
    *((key, *bad) for key in ("email", "shortname", "type") for bad in BAD_TEXT),
    *(("status", *bad) for bad in BAD_WORDS),
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
    ("contractualFlowsPerSecond", 0.0, f"{FLOWS} 0; leave it out where the contract has none"),
    *(
        (key, value, "must be true or false, not")
        for key in ("multiAccount", "internal", "deletionProtection")
        for value in NO_SWITCH
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


def failures(raw: Any, old: Any = None, listed: Any = ()) -> list[tuple[str, str]]:
    return [(failure.property, failure.reason) for failure in check(raw, old, listed).failures]


def test_the_table_is_as_large_as_promised() -> None:
    assert len({(key, repr(value)) for key, value, _ in INVALID}) >= 150


@pytest.mark.parametrize(("key", "value", "start"), INVALID, ids=lambda part: ascii(part)[:40])
def test_each_invalid_value_is_named_alone_and_with_the_way_out(key: str, value: Any, start: str) -> None:
    [(named, reason)] = failures({**DECLARED, key: value})
    assert named == key
    assert reason.startswith(f"{LABELS[key]} {start}")
    assert len(reason) < 500
    assert reason.isprintable()


def test_the_sentences_stay_as_they_are() -> None:
    assert failures({**DECLARED, "dataRetention": 30}) == [
        ("dataRetention", "Data Retention must be one of 7, 45, 90, 180 (days), not 30")
    ]
    assert failures({**DECLARED, "organization": " Acme"}) == [
        ("organization", "Organization must not begin or end with white space: remove it from ' Acme'")
    ]
    assert failures({**DECLARED, "dataRetention": 180}) == [
        ("rollupRetention", "Rollup Retention must be at least the Data Retention of 180 days, not 90")
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    everything_wrong = {**{key: [] for key in KEYS}, "colour": "red"}
    assert sorted(named for named, _ in failures(everything_wrong)) == sorted([*KEYS, "colour"])
    assert sorted(named for named, _ in failures({})) == sorted(REQUIRED)


def test_a_field_that_breaks_its_rule_starts_no_other_rule() -> None:
    assert [named for named, _ in failures({**DECLARED, "dataRetention": 9000})] == ["dataRetention"]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("data_retention", " (did you mean 'dataRetention'?)"),
        ("dataretention", " (did you mean 'dataRetention'?)"),
        ("shortName", " (did you mean 'shortname'?)"),
        ("organisation", " (did you mean 'organization'?)"),
        ("e-mail", " (did you mean 'email'?)"),
        ("customerId", ""),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_an_unknown_property_is_refused_with_the_nearest_real_name(wrong: str, hint: str) -> None:
    assert failures({**DECLARED, wrong: 1}) == [
        (wrong, f"{wrong!r} isn't a property of a Customer{hint}; it has {', '.join(KEYS)}"),
    ]


def test_an_unknown_property_is_refused_even_when_its_value_is_not_known_yet() -> None:
    assert [named for named, _ in failures({**DECLARED, "colour": UNKNOWN})] == ["colour"]


@pytest.mark.parametrize("key", KEYS)
def test_a_value_that_is_not_known_yet_passes_and_stays(key: str) -> None:
    checked = check({**DECLARED, key: UNKNOWN}, None)
    assert checked.failures == []
    assert checked.inputs[key] is UNKNOWN


def test_values_that_are_not_known_yet_pass_every_rule_between_fields() -> None:
    every = dict.fromkeys(KEYS, UNKNOWN)
    old = {**DECLARED, "deletionProtection": True}
    assert check(every, None).failures == []
    assert check(every, old, [AccountType(value="gold")]).failures == []
    assert failures({**DECLARED, "dataRetention": 180, "rollupRetention": UNKNOWN}) == []
    assert failures({**DECLARED, "dataRetention": UNKNOWN, "rollupRetention": 7}) == []
    assert failures({**DECLARED, "type": "customer", "multiAccount": UNKNOWN, "internal": UNKNOWN}) == []
    assert failures({**DECLARED, "type": UNKNOWN, "multiAccount": True, "internal": True}) == []
    assert "deletionProtection" not in check({**DECLARED, "status": UNKNOWN}, None).inputs


VALID: list[dict[str, Any]] = [
    {},
    {"email": "first.last+tag@sub.example.co.uk"},
    {"email": "jörg@exämple.de"},
    {"email": "admin@fusion.test"},
    {"givenName": "Zoë", "familyName": "O'Brien-Łuk"},
    {"organization": "株式会社 漢字"},
    {"organization": "شرکت می\u200cشود"},  # Persian, as it is spelled
    {"organization": "ക്\u200dഷ Ltd", "familyName": "ශ්\u200dරී"},  # Malayalam, Sinhala
    {"organization": "👩🏽\u200d💻 ❤️\u200d🔥 🙂\u200d↔️"},
    {"organization": "Tom & Söhne <GmbH> \"x\" 'y' %20 + 🚀"},
    {"organization": "x" * 2000},
    {"shortname": "acme1"},
    {"shortname": "a-._~!$&'()*,;=:"},
    {"shortname": "@cme-Corporation"},
    {"shortname": "....."},
    {"type": "MSSP", "multiAccount": False},
    {"type": "SLG", "multiAccount": True, "internal": True},
    {"type": "customer", "multiAccount": False, "internal": False},
    {"type": "reseller", "multiAccount": True},
    {"type": "staff", "internal": True, "multiAccount": True},
    {"status": "Trial Active"},
    {"dataRetention": 7, "rollupRetention": 7},
    {"dataRetention": 180, "rollupRetention": 365},
    {"contractualFlowsPerSecond": 1},
    {"contractualFlowsPerSecond": 2**31 - 1},
    {"deletionProtection": False},
    {"adopt": "0123456789abcdef"},
]


@pytest.mark.parametrize("fields", VALID, ids=ascii)
def test_what_keeps_the_rules_is_accepted_unchanged(fields: dict[str, Any]) -> None:
    raw = {**DECLARED, **fields}
    checked = check(raw, None)
    assert checked.failures == []
    defaults = {"deletionProtection": raw["status"] == "Active"} if "deletionProtection" not in raw else {}
    assert checked.inputs == {**raw, **defaults}


_INVISIBLE = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) == "Cf"]


@given(
    st.text(st.characters(categories=["L", "M"]), min_size=1), st.text(st.characters(categories=["L", "M"]), min_size=1)
)
def test_between_letters_a_joiner_is_the_only_invisible_character(before: str, after: str) -> None:
    for joiner in "\u200c\u200d":
        assert failures({**DECLARED, "organization": f"{before}{joiner}{after}"}) == []
        for wrong in (
            f"{joiner}{after}",
            f"{before}{joiner}",
            f"{before}{joiner}{joiner}{after}",
            f"{before} {joiner}",
        ):
            assert [named for named, _ in failures({**DECLARED, "organization": wrong})] == ["organization"]


@given(st.sampled_from(sorted({*_INVISIBLE} - {"\u200c", "\u200d"})), st.text(st.characters(categories=["L"])))
def test_every_other_invisible_character_is_refused(invisible: str, around: str) -> None:
    refused = failures({**DECLARED, "organization": f"a{around}{invisible}{around}b"})
    assert refused == [("organization", "Organization must not contain control, invisible or line-breaking characters")]


def test_a_whole_double_is_the_integer_that_the_program_wrote() -> None:
    checked = check({**DECLARED, "dataRetention": 90.0, "contractualFlowsPerSecond": 5000.0}, None)
    assert checked.failures == []
    assert repr([checked.inputs["dataRetention"], checked.inputs["contractualFlowsPerSecond"]]) == "[90, 5000]"


@pytest.mark.parametrize("member", [*CustomerType, *CustomerStatus])
def test_enum_members_are_their_words(member: CustomerType | CustomerStatus) -> None:
    key = "type" if isinstance(member, CustomerType) else "status"
    checked = check({**DECLARED, key: member}, None)
    assert checked.failures == []
    assert checked.inputs[key] == member.value


def test_what_is_not_set_is_not_made_up() -> None:
    checked = check({**DECLARED, "multiAccount": None, "adopt": None}, None)
    assert checked.inputs == {**DECLARED, "deletionProtection": True}


@pytest.mark.parametrize("data", [7, 45, 90, 180])
@pytest.mark.parametrize("rollup", [7, 90, 180, 365])
def test_rollups_are_kept_as_long_as_the_flows_or_longer(data: int, rollup: int) -> None:
    told = failures({**DECLARED, "dataRetention": data, "rollupRetention": rollup})
    assert [named for named, _ in told] == (["rollupRetention"] if rollup < data else [])


# Types


LISTED = [
    AccountType(value="client", label="SLG"),
    AccountType(value="partner", label="MSSP"),
    AccountType(value="gold", label="Gold Customer"),
    AccountType(value="plain"),
]


@pytest.mark.parametrize("word", ["SLG", "MSSP", "client", "partner", "gold", "Gold Customer", "plain"])
def test_a_type_that_the_service_lists_is_accepted(word: str) -> None:
    assert failures({**DECLARED, "type": word}, listed=LISTED) == []


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"type": "customer"}, "Type 'customer' with its toggles is 'customer' for the service, which offers 'client'"),
        ({"type": "SLG", "internal": True}, "Type 'SLG' with its toggles is 'staff' for the service, which offers"),
        ({"type": "gold customer"}, "Type must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', 'Gold Custo"),
    ],
)
def test_a_type_that_the_service_does_not_list_is_refused(fields: dict[str, Any], start: str) -> None:
    [(named, reason)] = failures({**DECLARED, **fields}, listed=LISTED)
    assert named == "type"
    assert reason.startswith(start)


def test_the_list_decides_nothing_while_a_toggle_is_not_known_yet() -> None:
    only_reseller = [AccountType(value="reseller")]
    assert failures({**DECLARED, "multiAccount": UNKNOWN}, listed=only_reseller) == []
    assert [named for named, _ in failures(DECLARED, listed=only_reseller)] == ["type"]


def test_a_toggle_that_is_no_longer_set_still_holds() -> None:
    only_reseller = [AccountType(value="reseller")]
    assert failures(DECLARED, {**DECLARED, "multiAccount": True}, only_reseller) == []


@pytest.mark.parametrize(
    ("fields", "toggle"),
    [
        ({"type": "customer", "internal": True}, "internal"),
        ({"type": "reseller", "internal": True}, "internal"),
        ({"type": "staff", "internal": False}, "internal"),
        ({"type": "customer", "multiAccount": True}, "multiAccount"),
        ({"type": "gold", "multiAccount": True}, "multiAccount"),
        ({"type": "Gold Customer", "multiAccount": True}, "multiAccount"),
    ],
)
def test_a_toggle_that_contradicts_the_type_is_named(fields: dict[str, Any], toggle: str) -> None:
    listed = [*LISTED, *(AccountType(value=value) for value in ("customer", "reseller", "staff"))]
    told = failures({**DECLARED, **fields}, listed=listed)
    assert [named for named, _ in told] == [toggle]
    assert f"contradicts type {fields['type']!r}" in told[0][1]


@pytest.mark.parametrize("word", ["partner", "MSSP"])
def test_the_service_own_word_for_a_reseller_contradicts_nothing(word: str) -> None:
    assert failures({**DECLARED, "type": word, "multiAccount": True}, listed=LISTED) == []


def test_an_unknown_type_is_told_once_whatever_the_toggles() -> None:
    told = failures({**DECLARED, "type": "slg", "internal": True, "multiAccount": True})
    assert [named for named, _ in told] == ["type"]


# What depends on what was there before


@pytest.mark.parametrize(("key", "other"), [("email", "b@acme.example"), ("givenName", "Bo"), ("familyName", "Day")])
def test_the_first_admin_is_made_once(key: str, other: str) -> None:
    [(named, reason)] = failures({**DECLARED, key: other}, DECLARED)
    assert named == key
    assert f"write {DECLARED[key]!r} again" in reason
    assert failures({**DECLARED, key: UNKNOWN}, DECLARED) == []
    without = {name: value for name, value in DECLARED.items() if name != key}
    assert failures({**DECLARED, key: other}, without) == []


def test_a_new_shortname_is_a_new_customer_with_a_first_admin_of_its_own() -> None:
    renamed = {**DECLARED, "shortname": "other-corp", "email": "b@acme.example"}
    assert failures(renamed, {**DECLARED, "deletionProtection": False}) == []


def test_a_protected_customer_is_not_replaced() -> None:
    old = {**DECLARED, "deletionProtection": True}
    [(named, reason)] = failures({**DECLARED, "shortname": "other-corp"}, old)
    assert named == "shortname"
    assert reason == (
        "Shortname cannot change from 'acme-corp' to 'other-corp': that deletes the customer and its data, and "
        "deletion protection is on. If that is meant, apply deletionProtection=false first, then rename"
    )
    # Not in one step: the protection that counts is the one that was applied.
    assert failures({**DECLARED, "shortname": "other-corp", "deletionProtection": False}, old) != []
    assert failures({**DECLARED, "shortname": UNKNOWN}, old) == []
    assert failures(DECLARED, old) == []


@pytest.mark.parametrize(
    ("fields", "old", "expected"),
    [
        ({"status": "Active"}, None, True),
        ({"status": "Trial Active"}, None, False),
        ({"status": "Trial Active"}, {"deletionProtection": True}, True),
        ({"status": "Active"}, {"deletionProtection": False}, True),
        ({"status": "Trial Active"}, {"deletionProtection": False}, False),
        ({"status": "Active", "deletionProtection": False}, {"deletionProtection": True}, False),
        ({"status": "Trial Active", "deletionProtection": True}, None, True),
        ({"status": UNKNOWN}, {"deletionProtection": True}, True),
        ({"status": UNKNOWN}, {"deletionProtection": False}, None),
        ({"status": "wrong"}, None, None),
        ({"deletionProtection": UNKNOWN}, {"deletionProtection": True}, UNKNOWN),
        ({"deletionProtection": "wrong"}, {"deletionProtection": True}, None),
    ],
    ids=ascii,
)
def test_protection_by_default_and_lowered_by_the_program_alone(
    fields: dict[str, Any], old: dict[str, Any] | None, expected: object
) -> None:
    inputs = check({**DECLARED, **fields}, old and {**DECLARED, **old}).inputs
    assert inputs.get("deletionProtection") is expected


@pytest.mark.parametrize(
    "old",
    [
        {},
        {"data_retention": 45, "given_name": "Ada"},
        {"shortname": 7, "email": ["x"], "deletionProtection": "maybe", "dataRetention": {}},
        dict.fromkeys(KEYS, UNKNOWN),
        dict.fromkeys(KEYS),
        {"whatever": object},
    ],
    ids=ascii,
)
def test_inputs_of_any_age_are_no_obstacle(old: dict[str, Any]) -> None:
    assert failures(DECLARED, old) == []


# Anything at all

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
near = st.sampled_from(
    [
        7,
        45,
        90,
        180,
        365,
        90.0,
        True,
        "Active",
        "Trial Active",
        "SLG",
        "MSSP",
        "staff",
        "acme-corp",
        "a@b.co",
        " a",
        "a",
    ]
)
anything = st.dictionaries(st.sampled_from(KEYS) | st.text(), near | json_like, max_size=len(KEYS) + 2)


def broken(raw: dict[str, Any]) -> set[str]:
    """The properties that break the table of the design for certain, told without the code under test."""

    def is_text(value: Any) -> bool:
        return (
            isinstance(value, str)
            and bool(value)
            and not value[0].isspace()
            and not value[-1].isspace()
            and all(unicodedata.category(c) != "Cc" for c in value)
        )

    def is_day(value: Any, allowed: set[int]) -> bool:
        return type(value) in (int, float) and value in allowed

    rules: dict[str, Any] = {
        "email": lambda value: is_text(value) and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+|\".*\"@.*", value),
        "givenName": is_text,
        "familyName": is_text,
        "organization": is_text,
        "shortname": lambda value: is_text(value) and re.fullmatch(r"[A-Za-z0-9._~!$&'()*,;=:@-]{5,16}", value),
        "type": lambda value: value in ("SLG", "MSSP", "customer", "reseller", "staff"),
        "status": lambda value: value in ("Active", "Trial Active"),
        "dataRetention": lambda value: is_day(value, {7, 45, 90, 180}),
        "rollupRetention": lambda value: is_day(value, {7, 90, 180, 365}),
        "contractualFlowsPerSecond": lambda value: (
            type(value) in (int, float) and 1 <= value < 2**31 and value == int(value)
        ),
        "multiAccount": lambda value: value is True or value is False,
        "internal": lambda value: value is True or value is False,
        "deletionProtection": lambda value: value is True or value is False,
        "adopt": is_text,
    }
    found = {key for key in raw if key not in rules}
    for key, keeps in rules.items():
        value = raw.get(key)
        if value is None:
            found |= {key} & set(REQUIRED)
        elif value is not UNKNOWN and not keeps(value):
            found.add(key)
    data, rollup = raw.get("dataRetention"), raw.get("rollupRetention")
    if not found & {"dataRetention", "rollupRetention"} and UNKNOWN not in (data, rollup) and rollup < data:  # type: ignore[operator]
        found.add("rollupRetention")
    return found


def left_as_imported(raw: dict[str, Any], old: dict[str, Any] | None) -> set[str]:
    """The required properties that neither the program nor the state of the same customer has."""
    before = State.recall(old or {}).properties()
    if "shortname" not in before or raw.get("shortname") not in (before["shortname"], UNKNOWN):
        return set()
    return {key for key in REQUIRED if raw.get(key) is None and key not in before}


@given(raw=anything, old=st.none() | anything)
def test_nothing_raises_and_no_broken_rule_passes(raw: dict[str, Any], old: dict[str, Any] | None) -> None:
    checked = check(raw, old)
    named = {failure.property for failure in checked.failures}
    left = left_as_imported(raw, old)
    assert broken(raw) - left <= named
    assert all(failure.reason for failure in checked.failures)
    assert set(checked.inputs) <= set(KEYS)
    if not named and not left:
        Inputs.model_validate({key: DECLARED.get(key) if v is UNKNOWN else v for key, v in checked.inputs.items()})


word = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
right = st.fixed_dictionaries(
    {
        "email": st.from_regex(r"[a-z][a-z0-9]{0,20}@[a-z][a-z0-9]{0,20}\.example", fullmatch=True),
        "givenName": word,
        "familyName": word,
        "organization": word,
        "shortname": st.from_regex(r"[A-Za-z0-9._~!$&'()*,;=:@-]{5,16}", fullmatch=True),
        "type": st.sampled_from(["SLG", "MSSP"]),
        "status": st.sampled_from(["Active", "Trial Active"]),
        "dataRetention": st.sampled_from([7, 45, 90]),
        "rollupRetention": st.sampled_from([90, 180, 365]),
    },
    optional={
        "contractualFlowsPerSecond": st.integers(1, 2**31 - 1),
        "multiAccount": st.booleans(),
        "internal": st.booleans(),
        "deletionProtection": st.booleans(),
        "adopt": word,
    },
)


@given(raw=right)
def test_nothing_that_keeps_the_rules_is_refused(raw: dict[str, Any]) -> None:
    checked = check(raw, None)
    assert checked.failures == []
    assert {key: checked.inputs[key] for key in raw} == raw
    assert check(checked.inputs, checked.inputs).failures == []
