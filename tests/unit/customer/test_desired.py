"""Inputs that were not checked, as a hand-edited state or an engine may hand them over."""

from __future__ import annotations

import pytest

from pulumi_fusion.customer.desired import to_apply, to_create
from pulumi_fusion.customer.model import Inputs, State
from pulumi_fusion.errors import InvalidInput
from tests.unit.operations.scripted import DECLARED


def test_what_was_checked_is_taken_as_it_is() -> None:
    assert to_create(DECLARED) == to_apply(DECLARED, DECLARED) == Inputs.model_validate(DECLARED)


def test_what_was_not_checked_is_named_without_its_secrets() -> None:
    wrong = {**DECLARED, "dataRetention": 8, "organization": " hush"}
    for is_new in (True, False):
        with pytest.raises(InvalidInput) as refused:
            to_create(wrong, {"organization"}) if is_new else to_apply(wrong, DECLARED, {"organization"})
        assert "dataRetention: Data Retention must be one of 7, 45, 90, 180 (days), not 8" in str(refused.value)
        assert "organization: Organization must not begin or end with white space" in str(refused.value)
        assert "hush" not in str(refused.value)


def test_an_update_may_lack_what_the_state_lacks_too_and_a_create_may_not() -> None:
    known = {key: value for key, value in DECLARED.items() if key not in ("email", "organization")}
    assert to_apply({**known, "dataRetention": 7}, known) == State.recall({**known, "dataRetention": 7})
    with pytest.raises(InvalidInput, match="email: Email is required; organization: Organization is required"):
        to_create(known)
    with pytest.raises(InvalidInput, match="email: Email is required"):
        to_apply(known, DECLARED)
