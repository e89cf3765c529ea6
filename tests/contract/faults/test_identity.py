"""Only the customer with the id of the state is changed, and only a confirmed absence drops one from the state."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.errors import HasSubAccounts, NotFound, NotOurs
from tests.contract.faults.lines import writes
from tests.contract.faults.stack import PROGRAM, Stack

NO_PROOF = (
    "html-404",  # F23: a proxy, or a wrong base path
    "html-200",  # F25: a captive portal
    "html-403",
    "html-400",
    "empty-before",
    "empty",
    "not-json",
    "cut-body",
    "huge=17000000",
    "redirect=http://127.0.0.1:1/ status=301",
    "redirect=http://127.0.0.1:1/ status=308",
    "400",
    "401",
    "403",
    "405",
    "409",
    "410",
    "422",
    "451",
    "500",
    "501",
    "503",
    "revoked",
    "wrong-types",
    "reset",
)
CHANGED_PROOF = ("missing-fields=status", "missing-fields=name", "missing-fields=message", "unknown-fields")
CHANGED_RECORD = ("missing-fields=id", "missing-fields=id,shortname", "wrong-types=id")


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        *((kind, there) for kind in NO_PROOF for there in (True, False)),
        *((kind, False) for kind in CHANGED_PROOF),
        *((kind, True) for kind in CHANGED_RECORD),
    ],
)
def test_a_customer_stays_in_the_state_unless_its_absence_is_confirmed(
    emulator: Emulator, kind: str, there: bool
) -> None:
    """Also where it was removed, and the answer does not confirm it."""
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        kept = dict(stack.state)
        if not there:
            emulator.remove("acmecorp")
        sent = writes(emulator)
        emulator.faults.add(f"GET /customer* {kind}")
        for act in (partial(stack.refresh, "acme"), partial(stack.destroy, "acme")):
            stack.restart()
            outcome = act()
            assert not outcome.ok
            assert stack.state == kept
        assert writes(emulator) == sent


def test_a_removed_customer_leaves_the_state_and_is_created_again(emulator: Emulator) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        emulator.remove("acmecorp")
        stack.restart()
        assert stack.refresh("acme").ok
        assert stack.state == {}
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        emulator.remove("acmecorp")
        stack.restart()
        assert stack.destroy("acme").ok
        stack.require_in_step()


@pytest.mark.parametrize(
    "fault", [None, "* /customer/* 500 x1", "* /customer/* reset x1", "GET /customer/* stale=1 x1"]
)
@pytest.mark.parametrize("operation", ["read", "update", "delete", "replace"])
def test_a_customer_that_another_user_recreated_is_not_changed(
    emulator: Emulator, operation: str, fault: str | None
) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        kept = dict(stack.state)
        stack.foreign(emulator.recreate("acmecorp"))
        stack.restart()
        sent = [entry for entry in writes(emulator) if "acmecorp" in entry]
        if fault:
            emulator.faults.add(fault)
        outcome = {
            "read": lambda: stack.refresh("acme"),
            "update": lambda: stack.up("acme", {**PROGRAM, "dataRetention": 45}),
            "delete": lambda: stack.destroy("acme"),
            "replace": lambda: stack.up("acme", {**PROGRAM, "shortname": "acme-new"}),
        }[operation]()
        # An update that is shown a stale 404 may end there.
        allowed = (NotOurs, NotFound) if operation == "update" and fault and "stale" in fault else NotOurs
        assert isinstance(outcome.error, allowed), outcome
        assert isinstance(outcome.error, NotFound) or "pulumi state delete" in outcome.text
        assert [entry for entry in writes(emulator) if "acmecorp" in entry] == sent
        stack.require_unharmed()
        assert kept["acme"] in (*stack.state.values(), *stack.pending.values())
        emulator.faults.clear()
        stack.forget("acme")  # as the error advises
        assert stack.up("acme", {**PROGRAM, "shortname": "another"}).ok
        stack.require_unharmed()


@pytest.mark.parametrize("moment", ["update", "delete"])
@pytest.mark.parametrize(
    "kind", ["reset-before", "500-before", "hang-before", "html-404", "202-before", "429", "token-expired"]
)
def test_a_request_is_not_repeated_to_a_recreated_customer(emulator: Emulator, moment: str, kind: str) -> None:
    """Between a request and its repeat another customer gets the shortname."""
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        verb = {"update": "PUT", "delete": "DELETE"}[moment]
        emulator.faults.add(f"{verb} /customer/* {kind} x1")
        stack.meanwhile(verb, "/customer/*", lambda: stack.foreign(emulator.recreate("acmecorp")))
        outcome = stack.destroy("acme") if moment == "delete" else stack.up("acme", {**PROGRAM, "dataRetention": 45})
        assert not outcome.ok
        assert len(emulator.requests.of(verb, "/customer/*")) == 1
        stack.require_unharmed()
        assert "acme" in stack.state


def test_a_customer_with_customers_of_its_own_is_not_deleted(emulator: Emulator) -> None:
    # The list has the direct children only, so only the record shows this one.
    emulator.switch(delete_parent="cascades")
    with Stack(emulator) as stack:
        stack.up("acme", {**PROGRAM, "type": "MSSP"})
        stack.foreign(emulator.seed("daughter", parent="acmecorp"))
        stack.restart()
        for fault in (None, "GET /customer/* missing-fields=reseller", "GET /customer/* html-404 x1"):
            emulator.faults.clear()
            if fault:
                emulator.faults.add(fault)
            assert isinstance(stack.destroy("acme").error, HasSubAccounts)
            assert not emulator.requests.of("DELETE", "/customer/*")
            stack.require_unharmed()


def test_a_state_without_an_id_leads_to_no_change(emulator: Emulator) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        full = stack.state["acme"]
        stack.state["acme"] = type(full)(
            full.id, full.inputs, {key: value for key, value in full.outputs.items() if key != "customerId"}
        )
        sent = writes(emulator)
        for act in (partial(stack.up, "acme", {**PROGRAM, "dataRetention": 7}), partial(stack.destroy, "acme")):
            stack.restart()
            assert isinstance(act().error, NotOurs)
        assert writes(emulator) == sent
        stack.restart()
        assert stack.refresh("acme").ok
        stack.require_in_step()


@pytest.mark.parametrize("edited", [{"retention": 7}, {"rollupRetention": 365}, {"trial": False}])
def test_an_edit_from_outside_shows_and_is_reverted(emulator: Emulator, edited: dict[str, Any]) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        before = stack.state["acme"].outputs
        emulator.edit("acmecorp", **edited)
        stack.restart()
        assert stack.refresh("acme").ok
        assert stack.state["acme"].outputs != before
        assert stack.up("acme", PROGRAM).ok
        assert (stack.created()[0].retention, stack.created()[0].rollup_retention, stack.created()[0].trial) == (
            90,
            180,
            True,
        )
        stack.require_in_step()


def test_nothing_is_sent_along_a_redirect(emulator: Emulator) -> None:
    with Emulator() as elsewhere:
        emulator.faults.add(f"* * redirect={elsewhere.url}/api/v1/customers")
        with Stack(emulator) as stack:
            assert not stack.up("acme", PROGRAM).ok
        assert len(elsewhere.requests) == 0
