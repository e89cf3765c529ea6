"""Every kind of valid value, and the characters that a text may have."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.customer.check import check
from tests.unit.customer.checking import failures
from tests.unit.samples import DECLARED

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
def test_a_valid_value_is_accepted_unchanged(fields: dict[str, Any]) -> None:
    raw = {**DECLARED, **fields}
    checked = check(raw, None)
    assert checked.failures == []
    defaults = {"deletionProtection": raw["status"] == "Active"} if "deletionProtection" not in raw else {}
    assert checked.inputs == {**raw, **defaults}


INVISIBLE = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) == "Cf"]


@given(
    st.text(st.characters(categories=["L", "M"]), min_size=1), st.text(st.characters(categories=["L", "M"]), min_size=1)
)
def test_a_joiner_between_letters_is_accepted_and_elsewhere_refused(before: str, after: str) -> None:
    for joiner in "\u200c\u200d":
        assert failures({**DECLARED, "organization": f"{before}{joiner}{after}"}) == []
        for wrong in (
            f"{joiner}{after}",
            f"{before}{joiner}",
            f"{before}{joiner}{joiner}{after}",
            f"{before} {joiner}",
        ):
            assert [named for named, _ in failures({**DECLARED, "organization": wrong})] == ["organization"]


@given(st.sampled_from(sorted({*INVISIBLE} - {"\u200c", "\u200d"})), st.text(st.characters(categories=["L"])))
def test_other_invisible_characters_are_refused(invisible: str, around: str) -> None:
    refused = failures({**DECLARED, "organization": f"a{around}{invisible}{around}b"})
    assert refused == [("organization", "Organization must not contain control, invisible or line-breaking characters")]
