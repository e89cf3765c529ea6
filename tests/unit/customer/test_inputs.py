"""Inputs that no check returned, as from an edited state or another engine."""

from __future__ import annotations

import pytest

from pulumi_fusion.customer.inputs import create_inputs, update_inputs
from pulumi_fusion.customer.model import Fields, Inputs
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.errors import InvalidInput
from tests.unit.samples import DECLARED


def test_checked_inputs_are_returned_unchanged() -> None:
    assert create_inputs(DECLARED) == update_inputs(DECLARED, DECLARED) == Inputs.model_validate(DECLARED)


def test_invalid_inputs_are_refused_without_quoting_secrets() -> None:
    wrong = {**DECLARED, "dataRetention": 8, "organization": " hush"}
    for is_new in (True, False):
        with pytest.raises(InvalidInput) as refused:
            create_inputs(wrong, {"organization"}) if is_new else update_inputs(wrong, DECLARED, {"organization"})
        assert "dataRetention: Data Retention must be one of 7, 45, 90, 180 (days), not 8" in str(refused.value)
        assert "organization: Organization must not begin or end with white space" in str(refused.value)
        assert "hush" not in str(refused.value)


def test_only_an_update_may_lack_a_required_field_that_the_state_lacks() -> None:
    known = {key: value for key, value in DECLARED.items() if key not in ("email", "organization")}
    assert update_inputs({**known, "dataRetention": 7}, known) == Fields.model_validate({**known, "dataRetention": 7})
    with pytest.raises(InvalidInput, match="email: Email is required; organization: Organization is required"):
        create_inputs(known)
    with pytest.raises(InvalidInput, match="email: Email is required"):
        update_inputs(known, DECLARED)


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(InvalidInput, match="a value is not known yet"):
        create_inputs({**DECLARED, "organization": UNKNOWN})
