"""No failure quotes a value that the program marked as secret."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.model import AccountType
from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.customer.secrecy import without_secrets
from tests.unit.customer.checking import KEYS
from tests.unit.customer.test_check_invalid_values import INVALID
from tests.unit.samples import DECLARED


@pytest.mark.parametrize(("key", "value", "start"), INVALID, ids=lambda part: ascii(part)[:40])
def test_a_failure_of_a_secret_does_not_quote_it(key: str, value: Any, start: str) -> None:
    raw = {**DECLARED, key: value}
    for failure in check(raw, None).failures:
        masked = without_secrets(failure, {key}, raw)
        assert masked.property == ""
        if isinstance(value, str) and len(value) > 2 and value.strip() == value and value.isascii():
            assert value not in masked.reason.replace("admin@example.com", "")
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value not in (1, 7, 45, 90, 180, 365):
            assert f"not {value}" not in masked.reason
        assert without_secrets(failure, (), raw) == failure


@pytest.mark.parametrize(
    ("raw", "old", "secret"),
    [
        ({"dataRetention": 180}, None, "dataRetention"),
        ({"email": "new@acme.example"}, {}, "email"),
        ({"givenName": "Bob"}, {}, "givenName"),
        ({"shortname": "other-corp"}, {"deletionProtection": True}, "shortname"),
        ({"type": "customer", "internal": True}, None, "type"),
    ],
)
def test_a_failure_quotes_neither_the_new_nor_the_old_value_of_a_secret(
    raw: dict[str, Any], old: dict[str, Any] | None, secret: str
) -> None:
    new = {**DECLARED, **raw}
    before = None if old is None else {**DECLARED, **old}
    failures = check(new, before).failures
    assert failures
    for failure in failures:
        masked = without_secrets(failure, {secret}, new, before or {})
        assert "***" in masked.reason
        for value in (new[secret], (before or {}).get(secret)):
            assert value is None or repr(value) not in masked.reason
        assert "180 days, not" not in masked.reason


@pytest.mark.parametrize(
    ("key", "rest"), [("internal", "true or false, not ***"), ("dataRetention", "(days), not ***")]
)
def test_a_whole_double_is_masked_in_both_forms(key: str, rest: str) -> None:
    raw = {**DECLARED, key: 4711.0}
    [failure] = check(raw, None).failures
    assert without_secrets(failure, {key}, raw).reason.endswith(rest)


def test_a_short_secret_is_not_masked_inside_a_word() -> None:
    failure = Failure("status", "Status must be one of 'Active', not 'a'")
    assert without_secrets(failure, {"status"}, {"status": "a"}).reason == "Status must be one of 'Active', not ***"


def test_a_failure_of_a_secret_type_does_not_quote_it() -> None:
    raw = {**DECLARED, "type": "SLG"}
    [failure] = check(raw, None, [AccountType(value="gold")]).failures
    assert "SLG" not in without_secrets(failure, set(KEYS), raw).reason
