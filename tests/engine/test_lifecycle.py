"""A customer's life through the real Pulumi CLI, judged by what the service holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fusion_emulator import Emulator, Switches
from tests.engine.stack import Stack, a_customer, mutations


def test_a_preview_of_new_customers_changes_nothing(stack: Stack, emulator: Emulator) -> None:
    stack.declare({"acme": a_customer("acme-corp")})

    shown = stack.preview().ok()

    assert "+ pulumi-python:dynamic/fusion:Customer: (create)" in shown.stdout
    for line in ('shortname         : "acme-corp"', "dataRetention     : 90", 'type              : "SLG"'):
        assert line in shown.stdout
    assert mutations(emulator.requests) == []
    assert emulator.accounts() == ()


def test_three_customers_from_create_to_destroy(stack: Stack, emulator: Emulator) -> None:
    mssp = a_customer("north-mssp", type="MSSP", contractual_flows_per_second=20000, data_retention=180)
    declared = {
        "mssp": {**mssp, "rollup_retention": 365},
        "slg": a_customer("acme-corp", multi_account=False, internal=False),
        "trial": a_customer("try-it-out", status="Trial Active", data_retention=7, rollup_retention=7),
    }
    stack.declare(declared)
    assert "+ 4 created" in stack.up().ok().stdout
    by_name = {account.shortname: account for account in emulator.accounts()}
    assert {
        name: (each.type, each.trial, each.retention, each.rollup_retention, each.fps) for name, each in by_name.items()
    } == {
        "north-mssp": ("reseller", False, 180, 365, 20000),
        "acme-corp": ("customer", False, 90, 180, None),
        "try-it-out": ("customer", True, 7, 7, None),
    }
    assert {mail.to for mail in emulator.mails()} == {str(each["email"]) for each in declared.values()}

    state = stack.state()["slg"]
    assert state["id"] == "acme-corp"
    assert state["outputs"]["customerId"] == by_name["acme-corp"].id
    assert state["outputs"]["ingestPort"] == by_name["acme-corp"].ingest_port
    assert state["outputs"]["parent"] == emulator.root.shortname

    emulator.requests.clear()
    stack.require_no_changes()
    stack.up("--expect-no-changes").ok()
    assert mutations(emulator.requests) == []

    declared["slg"]["organization"] = "Acme Corporation"
    declared["trial"]["status"] = "Active"
    stack.declare(declared)
    assert {name: step["op"] for name, step in stack.steps().items()} == {
        "slg": "update",
        "trial": "update",
    }
    shown = stack.diff_lines()
    assert '~ organization: "acme-corp Inc." => "Acme Corporation"' in shown
    assert '~ status: "Trial Active" => "Active"' in shown
    assert mutations(emulator.requests) == []
    stack.up().ok()
    assert sorted(mutations(emulator.requests)) == [
        "PUT /api/v1/customer/acme-corp",
        "PUT /api/v1/customer/try-it-out",
    ]
    assert emulator.record("acme-corp")["organization"] == "Acme Corporation"
    assert emulator.record("try-it-out")["billing"]["trial"] is False
    stack.require_no_changes()

    emulator.requests.clear()
    stack.destroy().ok()
    assert emulator.accounts() == ()
    assert len(mutations(emulator.requests)) == 3


def test_drift_is_shown_by_property_and_repaired(stack: Stack, emulator: Emulator) -> None:
    stack.declare({"acme": a_customer("acme-corp")})
    stack.up().ok()
    emulator.edit("acme-corp", retention=45, trial=True)

    stack.refresh().ok()
    shown = stack.diff_lines()
    assert "~ dataRetention: 45 => 90" in shown
    assert '~ status: "Trial Active" => "Active"' in shown

    stack.up().ok()
    assert emulator.record("acme-corp")["billing"] == {"data_retention": 90, "rollup_retention": 180, "trial": False}
    stack.require_no_changes()


def test_a_customer_deleted_outside_leaves_the_state_and_is_created_again(stack: Stack, emulator: Emulator) -> None:
    stack.declare({"acme": a_customer("acme-corp"), "other": a_customer("other-corp")})
    stack.up().ok()
    emulator.remove("acme-corp")

    stack.environ["FUSION_DEADLINE"] = "12"  # a quarter of it is how long an answer may lag
    stack.refresh().ok()
    assert set(stack.state()) == {"other"}
    del stack.environ["FUSION_DEADLINE"]

    stack.up().ok()
    assert {account.shortname for account in emulator.accounts()} == {"acme-corp", "other-corp"}
    stack.require_no_changes()


def test_an_existing_customer_fails_the_preview_and_is_adopted_by_its_id(stack: Stack, emulator: Emulator) -> None:
    existing = emulator.seed("acme-corp", retention=45, rollupRetention=90, organization="acme-corp Inc.", fps=500)
    stack.declare({"acme": a_customer("acme-corp")})

    refused = stack.preview().failed()
    assert f"taken by a customer that exists already (id {existing.id})" in refused.text
    assert f"adopt={existing.id!r}" in refused.text
    stack.up().failed()
    assert mutations(emulator.requests) == []

    stack.declare({"acme": a_customer("acme-corp", adopt="another-id")})
    assert "adopt names the id 'another-id'" in stack.preview().failed().text

    stack.declare({"acme": a_customer("acme-corp", adopt=existing.id, contractual_flows_per_second=500)})
    stack.up().ok()
    assert mutations(emulator.requests) == ["PUT /api/v1/customer/acme-corp"]
    assert [account.id for account in emulator.accounts()] == [existing.id]
    assert emulator.record("acme-corp")["billing"]["data_retention"] == 90
    assert stack.state()["acme"]["outputs"]["customerId"] == existing.id
    stack.require_no_changes()


def test_up_refuses_a_taken_shortname_without_a_preflight(stack: Stack, emulator: Emulator) -> None:
    existing = emulator.seed("acme-corp")
    stack.environ["FUSION_PREFLIGHT"] = "off"
    stack.declare({"acme": a_customer("acme-corp")})
    stack.preview().ok()

    refused = stack.up().failed()

    assert "Could not create the customer 'acme-corp'" in refused.text
    assert f"adopt={existing.id!r}" in refused.text
    assert mutations(emulator.requests) == []
    assert stack.state() == {}


def test_a_rename_replaces_only_without_protection(stack: Stack, emulator: Emulator) -> None:
    declared = a_customer("acme-corp", deletion_protection=None)
    stack.declare({"acme": declared})
    stack.up().ok()
    assert stack.state()["acme"]["inputs"]["deletionProtection"] is True

    stack.declare({"acme": {**declared, "shortname": "acme-new"}})
    assert "apply deletion_protection=False first" in stack.preview().failed().text
    stack.declare({"acme": {**declared, "shortname": "acme-new", "deletion_protection": False}})
    assert "apply deletion_protection=False first" in stack.preview().failed().text
    assert "deletion protection is on" in stack.destroy().failed().text

    stack.declare({"acme": {**declared, "deletion_protection": False}})
    emulator.requests.clear()
    stack.up().ok()
    assert mutations(emulator.requests) == []

    stack.declare({"acme": {**declared, "shortname": "acme-new", "deletion_protection": False}})
    assert {step["op"] for step in stack.steps().values()} & {"replace", "create-replacement"}
    assert "acme-corp: Shortname changes: the customer is deleted with its data" in stack.preview().ok().text
    stack.up().ok()
    assert [account.shortname for account in emulator.accounts()] == ["acme-new"]
    stack.require_no_changes()


def test_a_customer_with_customers_of_its_own_is_not_deleted(stack: Stack, emulator: Emulator) -> None:
    stack.declare({"mssp": a_customer("north-mssp", type="MSSP")})
    stack.up().ok()
    emulator.seed("below-corp", parent="north-mssp")

    refused = stack.destroy().failed()

    assert "it has 1 sub-account" in refused.text
    assert {account.shortname for account in emulator.accounts()} == {"north-mssp", "below-corp"}


def test_a_customer_that_another_user_recreated_is_not_changed(stack: Stack, emulator: Emulator) -> None:
    declared = a_customer("acme-corp")
    stack.declare({"acme": declared})
    stack.up().ok()
    other = emulator.recreate("acme-corp")
    emulator.requests.clear()

    stack.declare({"acme": {**declared, "organization": "Mine"}})
    for refused in (stack.up().failed(), stack.refresh().failed(), stack.destroy().failed()):
        assert "deleted and created again outside this stack" in " ".join(refused.text.split())
        assert other.id in refused.text
    assert mutations(emulator.requests) == []
    assert set(stack.state()) == {"acme"}


@pytest.mark.parametrize("record", ["strict", "extended"])
def test_optional_fields_are_added_and_removed_without_side_effects(
    stack: Stack, emulator: Emulator, record: Any
) -> None:
    emulator.switches = Switches(record=record)
    # For each customer, each step: the optional fields of the program, and what the service then has in addition.
    steps: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {
        "flows-corp": [
            ({}, {}),
            ({"contractual_flows_per_second": 1000}, {"fps": 1000}),
            ({}, {"fps": 1000}),
            ({"organization": "Acme"}, {"fps": 1000, "organization": "Acme"}),
            ({"organization": "Acme", "contractual_flows_per_second": 5}, {"fps": 5, "organization": "Acme"}),
        ],
        "multi-corp": [
            ({}, {}),
            ({"multi_account": True}, {"type": "reseller"}),
            ({}, {"type": "reseller"}),
            ({"multi_account": False}, {}),
            ({"contractual_flows_per_second": 5}, {"fps": 5}),
        ],
        "intern-corp": [
            ({}, {}),
            (
                {"multi_account": False, "internal": True, "contractual_flows_per_second": 5},
                {"fps": 5, "type": "staff"},
            ),
            ({"organization": "Acme", "internal": False}, {"fps": 5, "organization": "Acme"}),
            ({"organization": "Acme", "deletion_protection": None}, {"fps": 5, "organization": "Acme"}),
            ({}, {"fps": 5}),
        ],
    }
    untouched: dict[str, Any] = {}
    for step in zip(*steps.values(), strict=True):
        now = dict(zip(steps, step, strict=True))
        stack.declare({name: a_customer(name, **fields) for name, (fields, _) in now.items()})
        stack.up().ok()
        untouched = untouched or {name: emulator.record(name) for name in steps}
        for name, (fields, added) in now.items():
            assert emulator.record(name) == {**untouched[name], **added}, (name, fields)
        stack.require_no_changes()


def test_an_existing_customer_can_be_read_without_being_managed(stack: Stack, emulator: Emulator) -> None:
    existing = emulator.seed("acme-corp", retention=45, rollupRetention=90)
    (stack.folder / "__main__.py").write_text(
        "import pulumi\n"
        "from pulumi_fusion import Customer\n"
        'acme = Customer.get("acme", "acme-corp")\n'
        'pulumi.export("acme", [acme.customer_id, acme.data_retention, acme.status])\n'
    )
    stack.up().ok()

    outputs = json.loads(stack.pulumi("stack", "output", "--json").ok().stdout)
    assert outputs["acme"] == [existing.id, 45, "Active"]
    stack.destroy().ok()
    assert [account.shortname for account in emulator.accounts()] == ["acme-corp"]


def test_values_that_are_not_known_yet_pass_the_preview(stack: Stack, emulator: Emulator) -> None:
    stack.declare(
        {
            "first": a_customer("first-corp"),
            "second": a_customer(
                "second-corp",
                data_retention={"unknown": 45},
                organization={"unknown": "Later Inc."},
                status={"unknown": "Active"},
            ),
        }
    )
    stack.preview().ok()
    stack.up().ok()
    assert emulator.record("second-corp")["organization"] == "Later Inc."
    assert stack.state()["second"]["inputs"]["dataRetention"] == 45
    stack.require_no_changes()

    stack.destroy().ok()
    stack.declare(
        {
            "first": a_customer("first-corp"),
            "second": a_customer("second-corp", data_retention={"unknown": 44}),
        }
    )
    stack.preview().ok()
    assert "Data Retention must be one of 7, 45, 90, 180 (days), not 44" in stack.up().failed().text
    assert [account.shortname for account in emulator.accounts()] == ["first-corp"]


def test_a_preview_warns_of_a_shorter_retention(stack: Stack) -> None:
    stack.declare({"acme": a_customer("acme-corp")})
    stack.up().ok()
    stack.declare({"acme": a_customer("acme-corp", data_retention=45)})

    assert "Data Retention goes from 90 to 45 days" in stack.preview().ok().text
