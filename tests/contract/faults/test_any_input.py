"""Any input: the check raises nothing, lets nothing pass that the service refuses, and refuses nothing valid."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusion_emulator import Emulator
from pulumi_fusion.customer.model import Inputs
from pulumi_fusion.customer.names import state_key
from pulumi_fusion.errors import FusionError
from tests.contract.faults.stack import PROGRAM, Stack
from tests.scale import scaled

UNKNOWN = pulumi.output.Unknown()  # type: ignore[no-untyped-call]
"""What the SDK hands over for a value that is not known before another resource was created."""

KEYS = [state_key(name) for name in Inputs.model_fields]

# The rules of the form's page, written a second time: https://docs.netography.com/docs/add-customer.
SHORTNAMES = st.text(string.ascii_letters + string.digits + "-._~!$&'()*,;=:@", min_size=5, max_size=16)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)
EMAILS = st.builds(
    "{}@{}.{}".format,
    st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20),
    st.text(string.ascii_lowercase, min_size=1, max_size=20),
    st.sampled_from(["com", "org", "example.com", "co.uk"]),
)
RETENTIONS = st.sampled_from([(d, r) for d in (7, 45, 90, 180) for r in (7, 90, 180, 365) if r >= d])


@st.composite
def valid(draw: st.DrawFn) -> dict[str, Any]:
    data, rollup = draw(RETENTIONS)
    program: dict[str, Any] = {
        "email": draw(EMAILS),
        "givenName": draw(WORDS),
        "familyName": draw(WORDS),
        "organization": draw(WORDS),
        "shortname": draw(SHORTNAMES),
        "type": draw(st.sampled_from(["SLG", "MSSP"])),
        "status": draw(st.sampled_from(["Active", "Trial Active"])),
        "dataRetention": float(data),
        "rollupRetention": float(rollup),
    }
    optional = {
        "contractualFlowsPerSecond": st.integers(1, 2**31 - 1).map(float),
        "multiAccount": st.booleans(),
        "internal": st.booleans(),
        "deletionProtection": st.booleans(),
    }
    return program | {key: draw(value) for key, value in optional.items() if draw(st.booleans())}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
LIKELY = (
    SHORTNAMES
    | WORDS
    | EMAILS
    | st.sampled_from(["SLG", "MSSP", "customer", "staff", "reseller", "Active", "Trial Active", "active", "slg", ""])
    | st.sampled_from([7, 7.0, 45, 90, 180, 365, 90.5, -1, 0, 2**31, 2**31 - 1, 1e300, "90"])
    | st.sampled_from([True, False, None])
    | st.text(max_size=20)
    | st.just(UNKNOWN)
)
KEY = st.sampled_from(KEYS) | st.text(max_size=12)


@st.composite
def anything(draw: st.DrawFn) -> dict[str, Any]:
    """A valid program with some of its values replaced, removed or added; seldom something else altogether."""
    program = draw(valid()) if draw(st.integers(0, 9)) else {}
    for _ in range(draw(st.integers(0, 4))):
        key = draw(KEY)
        if draw(st.integers(0, 5)):
            program[key] = draw(LIKELY | JSON)
        else:
            program.pop(key, None)
    return program


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Emulator() as emulator, Stack(emulator, deadline=30) as running:
        yield running


@settings(max_examples=scaled(200, nightly=10_000))
@given(program=anything(), old=st.just({}) | valid() | anything())
def test_what_passes_the_check_passes_the_service(stack: Stack, program: dict[str, Any], old: dict[str, Any]) -> None:
    checked = stack.provider.check(old, program)
    for failure in checked.failures or []:
        assert failure.property in (*KEYS, *program)
        assert failure.reason
    again = stack.provider.check({}, program)
    if again.failures or any(value is UNKNOWN for value in program.values()):
        return
    require_created(stack, {key: value for key, value in again.inputs.items() if key != "adopt"})


@settings(max_examples=scaled(200, nightly=10_000))
@given(program=valid())
@example(program={**PROGRAM, "shortname": ".....", "dataRetention": 180.0, "rollupRetention": 180.0})
@example(program={**PROGRAM, "contractualFlowsPerSecond": 1.0})
@example(program={**PROGRAM, "shortname": "a/b".replace("/", ":") + "@;=,"})
def test_nothing_valid_is_refused(stack: Stack, program: dict[str, Any]) -> None:
    checked = stack.provider.check({}, program)
    assert not checked.failures, [(failure.property, failure.reason) for failure in checked.failures or []]
    require_created(stack, checked.inputs)


@settings(max_examples=scaled(200, nightly=10_000))
@given(program=valid(), unknown=st.sets(st.sampled_from(KEYS), min_size=1))
def test_what_is_not_known_yet_passes(stack: Stack, program: dict[str, Any], unknown: set[str]) -> None:
    asked = program | dict.fromkeys(unknown, UNKNOWN)
    checked = stack.provider.check({}, asked)
    assert not checked.failures, [(failure.property, failure.reason) for failure in checked.failures or []]
    assert all(checked.inputs[key] is UNKNOWN for key in unknown)


def require_created(stack: Stack, inputs: dict[str, Any]) -> None:
    """The service takes it, shows what was asked for, and lets it go again."""
    name = inputs["shortname"]
    if stack.emulator.account(name) is not None:
        return
    try:
        created = stack.provider.create(inputs)
    except FusionError as refused:
        pytest.fail(f"the check accepts what the service refuses: {refused}")
    try:
        assert created.id == name
        live = stack.emulator.account(name)
        assert live is not None
        assert (live.retention, live.rollup_retention) == (inputs["dataRetention"], inputs["rollupRetention"])
    finally:
        stack.emulator.remove(name)
