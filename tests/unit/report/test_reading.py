"""The plan of a preview: operations, changes, counts and failures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pulumi_fusion.customer.model import FIELDS as MODEL_FIELDS
from pulumi_fusion.customer.model import Kind
from pulumi_fusion.report.plan import ADMIN, FIELDS, Change, Op
from pulumi_fusion.report.reading import NotAPreviewError, read_plan
from pulumi_fusion.report.values import Special
from tests.unit.report.samples import (
    DYNAMIC,
    ENCRYPTED,
    INPUTS,
    SECRET,
    UNKNOWN,
    changed,
    error,
    plan_of,
    preview,
    step,
    urn,
)

STACK = "pulumi:pulumi:Stack"


def test_the_report_has_every_field() -> None:
    assert set(FIELDS) == MODEL_FIELDS.keys()
    assert {name for name, spec in MODEL_FIELDS.items() if spec.kind is Kind.CREATE_ONLY} == ADMIN


@pytest.mark.parametrize("kind", [DYNAMIC, f"test:index:Region${DYNAMIC}", "fusion:index:Customer"])
@pytest.mark.parametrize(
    ("op", "more", "expected"),
    [
        ("create", {"new": INPUTS}, Op.CREATE),
        ("create", {"new": {**INPUTS, "adopt": "1"}}, Op.ADOPT),
        ("create", {"new": {**INPUTS, "adopt": UNKNOWN}}, Op.ADOPT),
        ("import", {"new": INPUTS}, Op.IMPORT),
        ("update", {"old": INPUTS, "new": INPUTS}, Op.UPDATE),
        ("replace", {"old": INPUTS, "new": INPUTS}, Op.REPLACE),
        ("delete", {"old": INPUTS}, Op.DELETE),
        ("delete-replaced", {"old": INPUTS}, Op.DELETE),
        ("an operation of a newer engine", {"old": INPUTS, "new": INPUTS}, Op.UPDATE),
    ],
)
def test_the_operation_of_a_customer(kind: str, op: str, more: dict[str, Any], expected: Op) -> None:
    plan = plan_of(step(op, kind=kind, **more))
    assert [(each.op, each.name, each.resource) for each in plan.customers] == [(expected, "acme-corp", "acme")]
    assert (plan.project, plan.stack) == ("customers", "production")


def test_a_customer_that_only_leaves_the_state_is_not_deleted() -> None:
    removed = step("delete", old=INPUTS)
    removed["oldState"]["retainOnDelete"] = True
    plan = plan_of(removed)
    assert (plan.customers[0].op, plan.deletions) == (Op.FORGET, 0)


def test_the_steps_of_a_replacement_are_one_customer() -> None:
    renamed = {**INPUTS, "shortname": "acme-two"}
    parts = [
        step("create-replacement", old=INPUTS, new=renamed),
        step("replace", old=INPUTS, new=renamed),
        step("delete-replaced", old=INPUTS),
    ]
    plan = plan_of(*parts)
    assert [each.op for each in plan.customers] == [Op.REPLACE]
    assert plan.customers[0].changes == (Change("shortname", "acme-corp", "acme-two"),)
    assert plan.deletions == 1


def state(customer_id: str, *, pending: bool = False) -> dict[str, Any]:
    outputs = {**INPUTS, "customerId": customer_id}
    return {"id": customer_id, "inputs": dict(INPUTS), "outputs": outputs, **({"delete": True} if pending else {})}


@pytest.mark.parametrize("shown", [True, False], ids=["with the steps of replacements", "without"])
def test_a_deletion_that_an_earlier_run_left_pending_is_one(shown: bool) -> None:
    """The CLI shows it only with --show-replacement-steps; a refresh reads the customer in any case."""
    pending = state("old-1", pending=True)
    outdated = {**pending, "outputs": {**pending["outputs"], "dataRetention": 7}}
    steps = [
        {"op": "refresh", "urn": urn("acme"), "oldState": outdated, "newState": pending},
        {"op": "refresh", "urn": urn("acme"), "oldState": state("new-1"), "newState": state("new-1")},
        {"op": "same", "urn": urn("acme"), "oldState": state("new-1"), "newState": state("new-1")},
        *([{"op": "delete-replaced", "urn": urn("acme"), "oldState": pending}] if shown else []),
    ]
    plan = plan_of(*steps)
    assert [(each.op, each.customer_id) for each in plan.customers] == [(Op.DELETE, "old-1")]
    assert plan.customers[0].old["data_retention"] == 90
    assert (plan.deletions, plan.unchanged) == (1, 1)


def test_a_pending_deletion_is_not_a_part_of_another_replacement() -> None:
    new = {"newState": {"inputs": {**INPUTS, "shortname": "third-corp"}}}
    replaced = {"urn": urn("acme"), "oldState": state("new-1", pending=True)}
    plan = plan_of(
        {"op": "create-replacement", **replaced, **new},
        {"op": "replace", **replaced, **new},
        {"op": "delete-replaced", "urn": urn("acme"), "oldState": state("old-1", pending=True)},
        {"op": "delete-replaced", **replaced},
    )
    assert [(each.op, each.customer_id) for each in plan.customers] == [(Op.DELETE, "old-1"), (Op.REPLACE, "new-1")]
    assert plan.deletions == 2


def test_a_customer_that_a_refresh_no_longer_finds_is_not_deleted() -> None:
    gone = {"op": "refresh", "urn": urn("acme"), "oldState": state("old-1", pending=True)}
    assert plan_of(gone, step("same", "other", old=INPUTS)).deletions == 0


def test_unchanged_customers_and_other_resources_are_counted() -> None:
    plan = plan_of(
        step("same", "customers-production", kind=STACK),
        step("same", old=INPUTS, new=INPUTS),
        step("read", "read", old=INPUTS, new=INPUTS),
        step("refresh", "lake", old=INPUTS),
        step("same", "pet", kind="random:index/randomPet:RandomPet"),
        step("create", "dog", kind="random:index/randomPet:RandomPet"),
        same=5,
    )
    assert (plan.customers, plan.unchanged, plan.unlisted) == ((), 2, 2)
    assert plan.others == {"same": 1, "create": 1}


def test_the_change_is_compared_with_the_state_and_not_taken_from_the_engine() -> None:
    drifted = changed(dataRetention=45)
    drifted["oldState"]["outputs"]["organization"] = "Changed in the portal"
    drifted |= {"diffReasons": None, "detailedDiff": None}
    assert plan_of(drifted).customers[0].changes == (
        Change("organization", "Changed in the portal", "Acme Corporation"),
        Change("data_retention", 90, 45),
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"dataRetention": 90.0}, ()),
        ({}, {"multiAccount": True}, (Change("multi_account", None, True),)),
        ({"multiAccount": True}, {"multiAccount": None}, (Change("multi_account", True, None),)),
        ({}, {"dataRetention": True}, (Change("data_retention", 90, True),)),
        ({}, {"dataRetention": UNKNOWN}, (Change("data_retention", 90, Special.UNKNOWN),)),
        ({}, {"organization": ENCRYPTED}, (Change("organization", "Acme Corporation", Special.SECRET),)),
        ({}, {"organization": ["x"]}, (Change("organization", "Acme Corporation", '["x"]'),)),
        ({"organization": SECRET}, {}, (Change("organization", Special.SECRET, Special.SECRET),)),
    ],
)
def test_a_change_of_a_value(old: dict[str, Any], new: dict[str, Any], expected: tuple[Change, ...]) -> None:
    assert plan_of(changed(old, **new)).customers[0].changes == expected


def test_the_plugin_compares_secrets() -> None:
    both = changed({"organization": SECRET, "type": SECRET}) | {"diffReasons": ["type"]}
    assert plan_of(both).customers[0].changes == (Change("type", Special.SECRET, Special.SECRET),)


def test_a_value_of_the_state_that_the_program_never_set_is_not_compared() -> None:
    shown = changed(organization="Acme")
    shown["oldState"]["outputs"]["contractualFlowsPerSecond"] = 10
    assert [each.field for each in plan_of(shown).customers[0].changes] == ["organization"]


def test_the_failures_of_a_check_have_their_property() -> None:
    plan = plan_of(
        diagnostics=[
            error(
                "fusion:index:Customer resource 'bad': property status value {x} has a problem: Status is wrong", "bad"
            ),
            error("fusion:index:Customer resource 'bad' has a problem: Could not read it", "bad"),
            error("Resource monitor has terminated, shutting down"),
            error("some\n  Traceback\n\nValueError: it broke"),
            {"severity": "warning", "message": "warning: take care\n"},
            {"severity": "warning", "message": "warning: take care\n"},
            {"severity": "warning", "message": "warning: using pulumi-resource-fusion from $PATH\n"},
            {"severity": "info", "message": "nothing"},
        ]
    )
    assert [(each.resource, each.property, each.reason) for each in plan.failures] == [
        ("bad", "status", "Status is wrong"),
        ("bad", "", "Could not read it"),
        ("", "", "some ValueError: it broke"),
    ]
    assert plan.notes == ("take care",)


CATALOG = "The catalog customers.yaml has problems. Correct these places:"
UNHANDLED = "an unhandled error occurred: program exited with non-zero exit code: 1"


@pytest.mark.parametrize(
    ("texts", "reasons"),
    [
        (["Program failed:\nTraceback\nValueError: x", UNHANDLED], ["Program failed: ValueError: x"]),
        ([UNHANDLED], [UNHANDLED]),
        (
            [f"{CATALOG}\ncustomers.yaml:7:5: acme-corp: it is wrong\ncustomers.yaml:9:3: x\nand 3 more\n", UNHANDLED],
            [CATALOG, "customers.yaml:7:5: acme-corp: it is wrong", "customers.yaml:9:3: x", "and 3 more"],
        ),
        ([f"{CATALOG}\nmy customers.yaml:7:5: x", UNHANDLED], [CATALOG, "my customers.yaml:7:5: x"]),
        (["It failed:\n  the first\n  the second\nRun it again."], ["It failed: the first the second Run it again."]),
    ],
)
@pytest.mark.parametrize("op", ["same", "refresh"])
def test_the_errors_of_a_program_that_failed(op: str, texts: list[str], reasons: list[str]) -> None:
    plan = plan_of(step(op, kind=STACK), diagnostics=[error(each) for each in texts])
    assert [each.reason for each in plan.failures] == reasons
    assert (plan.project, plan.stack, plan.customers) == ("customers", "production", ())


def test_the_events_after_the_preview_of_an_update_have_its_errors() -> None:
    event = {"sequence": 1, "diagnosticEvent": {**error("it failed", "acme")}}
    done = preview(step("create", new=INPUTS)) + b"\n" + json.dumps(event).encode() + b"\n"
    assert [each.reason for each in read_plan(done).failures] == ["it failed"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_of_shells(encoding: str) -> None:
    text = preview(step("create", new={**INPUTS, "organization": "Čapek"})).decode()
    assert read_plan(text.encode(encoding)).customers[0].new["organization"] == "Čapek"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the input is empty"),
        (b" \n", "the input is empty"),
        (b"Previewing update (dev)", "the input isn't JSON"),
        (b"\xff\xfe\xfd", "the input isn't JSON"),
        (b"[" * 100_000, "the input isn't JSON"),
        (b"[]", "the JSON isn't that of a preview"),
        (b"3", "the JSON isn't that of a preview"),
        (b'{"version": 3, "deployment": {}}', "the JSON isn't that of a preview"),
        (b'{"sequence": 0}\n{"sequence": 1}', "these are events of the engine"),
        (b'{"steps": [1]}', "the JSON has `steps` that aren't"),
        (b'{"steps": {"op": 1}}', "the JSON has `steps` that aren't"),
        (b'{"steps": [], "changeSummary": {}}', "the preview has no steps"),
        (preview(step("refresh", old=INPUTS)), "this is the output of `pulumi refresh`"),
    ],
)
def test_what_is_not_a_preview(data: bytes, message: str) -> None:
    with pytest.raises(NotAPreviewError) as caught:
        read_plan(data)
    assert str(caught.value).startswith(message)
