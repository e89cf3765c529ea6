"""How much the customers of a plan retain, before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pulumi_fusion.report.describe import retained
from pulumi_fusion.report.digest import digest
from pulumi_fusion.report.plan import FlowDays
from pulumi_fusion.report.render.document import document
from pulumi_fusion.report.render.markdown import markdown
from tests.unit.report.samples import INPUTS, SECRET, UNKNOWN, contents_of, error, plan_of, step

TEN: Mapping[str, Any] = {**INPUTS, "contractualFlowsPerSecond": 10}  # for 90 days
UNSET = {key: value for key, value in TEN.items() if key != "contractualFlowsPerSecond"}


@pytest.mark.parametrize(
    ("op", "old", "new", "expected"),
    [
        ("create", None, TEN, FlowDays(0, 900, 1, 0)),
        ("delete", TEN, None, FlowDays(900, 0, 1, 0)),
        ("same", TEN, TEN, FlowDays(900, 900, 1, 0)),
        ("read", None, TEN, FlowDays(900, 900, 1, 0)),
        ("update", TEN, {**TEN, "dataRetention": 45}, FlowDays(900, 450, 1, 0)),
        ("update", TEN, {**UNSET, "dataRetention": 45}, FlowDays(900, 450, 1, 0)),
        ("replace", TEN, {**TEN, "shortname": "acme-two"}, FlowDays(900, 900, 1, 0)),
        ("replace", TEN, {**UNSET, "shortname": "acme-two"}, FlowDays(0, 0, 0, 1, 1)),
        ("create", None, {**TEN, "adopt": "65f1"}, FlowDays(0, 0, 0, 1)),
        ("import", None, TEN, FlowDays(0, 0, 0, 1)),
        ("create", None, UNSET, FlowDays(0, 0, 0, 1, 1)),
        ("create", None, {**UNSET, "adopt": "65f1"}, FlowDays(0, 0, 0, 1)),
        ("update", UNSET, TEN, FlowDays(0, 0, 0, 1, 1)),
        ("update", TEN, {**TEN, "dataRetention": UNKNOWN}, FlowDays(0, 0, 0, 1)),
        ("update", {**TEN, "dataRetention": SECRET}, TEN, FlowDays(0, 0, 0, 1)),
        ("create", None, {**TEN, "dataRetention": True}, FlowDays(0, 0, 0, 1)),
        ("create", None, {**TEN, "contractualFlowsPerSecond": 10**400}, FlowDays(0, 0, 0, 1)),
    ],
)
def test_the_flow_days_of_a_customer(
    op: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, expected: FlowDays
) -> None:
    assert plan_of(step(op, old=old, new=new)).flow_days == expected


def test_a_customer_that_only_leaves_the_state_keeps_its_flow_days() -> None:
    removed = step("delete", old=TEN)
    removed["oldState"]["retainOnDelete"] = True
    assert plan_of(removed).flow_days == FlowDays(900, 900, 1, 0)


STEPS = [
    step("update", "a", old=TEN, new={**TEN, "dataRetention": 180}),
    step("create", "b", new=TEN),
    step("same", "c", old=TEN, new=TEN),
    step("same", "d", old=UNSET, new=UNSET),
    step("import", "e", new=TEN),
]
SENTENCE = (
    "Retained flow-days (flows/s \N{MULTIPLICATION SIGN} days): 1,800 → 3,600, for 3 customers. "
    "Left out: 1 without flows, 1 with an unknown value."
)


def test_every_format_has_the_sum() -> None:
    contents = contents_of(plan_of(*STEPS))
    assert retained(contents.plan) == SENTENCE
    assert f"\n\n{SENTENCE}\n\nDigest:" in markdown(contents, alerts=True)
    shown = json.loads(json.dumps(document(contents)))
    assert shown["flow_days"] == {
        "before": 1800,
        "after": 3600,
        "percent": None,
        "customers": 3,
        "left_out": 2,
        "without_flows": 1,
    }


def test_there_is_a_share_if_no_customer_is_left_out() -> None:
    contents = contents_of(plan_of(*STEPS[:3]))
    assert retained(contents.plan).endswith(": 1,800 → 3,600 (+100.0 %), for 3 customers.")
    assert document(contents)["flow_days"]["percent"] == 100.0


def test_there_is_no_share_of_what_the_preview_does_not_list() -> None:
    plan = plan_of(STEPS[0], same=5)
    assert retained(plan).endswith("900 → 1,800, for 1 customer. Left out: the unchanged ones, which aren't listed.")
    assert document(contents_of(plan))["flow_days"]["percent"] is None


def test_there_is_no_share_of_nothing() -> None:
    assert ": 0 → 900, for 1 customer." in retained(plan_of(step("create", new=TEN)))


def test_a_sum_that_does_not_change_or_is_incomplete_is_not_shown() -> None:
    assert retained(plan_of(step("update", old=TEN, new={**TEN, "organization": "Acme"}))) == ""
    assert retained(plan_of(*STEPS, diagnostics=[error("it failed")])) == ""


def test_the_digest_does_not_depend_on_the_sum() -> None:
    assert digest(plan_of(*STEPS[:4])) == digest(plan_of(*STEPS[:2]))
