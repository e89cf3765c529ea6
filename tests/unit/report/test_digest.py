"""The digest of a plan: the same for the same plan, and another one for any other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulumi_fusion.report.digest import digest
from pulumi_fusion.report.reading import read_plan
from tests.unit.report.samples import DYNAMIC, INPUTS, SECRET, UNKNOWN, changed, plan_of, step


def test_the_digest_depends_on_what_is_applied_alone() -> None:
    steps = [changed(dataRetention=7), step("create", "new", new={**INPUTS, "shortname": "new-corp"})]
    first = digest(plan_of(*steps))
    assert digest(plan_of(*reversed(steps), step("same", "other", old=INPUTS), same=9)) == first
    renamed = [{**each, "urn": each["urn"].replace("fusion:index:Customer", DYNAMIC)} for each in steps]
    assert digest(plan_of(*renamed)) == first


@pytest.mark.parametrize(
    "other",
    [
        changed(dataRetention=45),
        changed(dataRetention=7, organization="Other"),
        changed({"dataRetention": 45}, dataRetention=7),
        changed({"shortname": "acme-two"}, dataRetention=7),
        {**changed(dataRetention=7), "op": "replace"},
        {**changed(dataRetention=7), "urn": "urn:pulumi:staging::customers::fusion:index:Customer::acme"},
        step("update", old=INPUTS, new={**INPUTS, "dataRetention": 7, "email": "eve@example.com"}),
    ],
)
def test_another_plan_has_another_digest(other: dict[str, Any]) -> None:
    assert digest(plan_of(other)) != digest(plan_of(changed(dataRetention=7)))


def test_the_digest_of_a_deletion_depends_on_what_is_deleted() -> None:
    deletions = [step("delete", old={**INPUTS, "dataRetention": days}) for days in (7, 90)]
    assert digest(plan_of(deletions[0])) != digest(plan_of(deletions[1]))


def test_the_digest_of_an_adoption_depends_on_what_it_changes() -> None:
    adopted = step("create", new={**INPUTS, "adopt": "id-1"})
    warning = {"severity": "warning", "message": "warning: acme-corp: its adoption changes Data Retention."}
    assert digest(plan_of(adopted)) != digest(plan_of(adopted, diagnostics=[warning]))


def test_the_digest_depends_on_the_provider_of_a_customer_and_its_account() -> None:
    def plan(provider: str, account: str) -> str:
        urn = f"urn:pulumi:production::customers::pulumi:providers:fusion::{provider}"
        configured = {"op": "same", "urn": urn, "newState": {"inputs": {"account": account}}}
        created = step("create", new=INPUTS)
        created["newState"]["provider"] = f"{urn}::65f1c0ff-ee00"
        return digest(plan_of(configured, created))

    assert plan("north", "harbor") == plan("north", "harbor")
    assert len({plan("north", "harbor"), plan("north", "other"), plan("south", "harbor")}) == 3
    assert plan("default_0_1_0", "harbor") == plan("default_0_2_0", "harbor")


@pytest.mark.parametrize("setting", ["fusion:account", "fusion:apiUrl"])
def test_the_digest_depends_on_the_account(setting: str) -> None:
    created = {"steps": [step("create", new=INPUTS)]}
    plans = [{**created, "config": config} for config in ({}, {setting: "harbor"}, {setting: "other"})]
    assert len({digest(read_plan(json.dumps(each).encode())) for each in plans}) == 3


def test_another_resource_changes_the_digest() -> None:
    bucket = step("delete", "logs", kind="aws:s3/bucket:Bucket")
    assert digest(plan_of(changed(dataRetention=7), bucket)) != digest(plan_of(changed(dataRetention=7)))


def test_the_text_of_a_placeholder_is_another_value_than_the_placeholder() -> None:
    texts = [digest(plan_of(changed(organization=each))) for each in (UNKNOWN, "known after apply", SECRET, "secret")]
    assert len(set(texts)) == 4
