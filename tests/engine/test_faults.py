"""Lost answers and answers that prove nothing, through the real CLI: nothing lost, nothing doubled, no traceback."""

from __future__ import annotations

import pytest

from fusion_emulator import Emulator, Switches
from tests.engine.stack import Stack, a_customer, mutations

NO_PROOF = ("html-404", "403", "500", "revoked", "empty", "not-json", "html-200", "redirect=http://127.0.0.1:1/")
COMMITTED_THEN_FAILED = ("reset", "hang=30", "cut-body", "500", "502", "504")


def test_an_up_resolves_every_lost_answer_to_a_create(stack: Stack, emulator: Emulator) -> None:
    names = [f"customer-{number}" for number in range(len(COMMITTED_THEN_FAILED))]
    stack.environ["FUSION_DEADLINE"] = "20"
    stack.declare({name: a_customer(name) for name in names})
    for kind in COMMITTED_THEN_FAILED:
        fault = kind if kind == "cut-body" else f"commit-then-{kind}"
        emulator.faults.add(f"POST /customer {fault} x1")

    stack.up().ok()

    assert sorted(account.shortname for account in emulator.accounts()) == names
    assert len(emulator.requests.of("POST", "/customer")) == len(names)
    ids = {each["id"]: each["outputs"]["customerId"] for each in stack.state().values()}
    assert ids == {account.shortname: account.id for account in emulator.accounts()}
    stack.require_no_changes()


def test_unconfirmed_absence_keeps_the_state(stack: Stack, emulator: Emulator) -> None:
    """Each customer gets one of the answers; the list shows none of them."""
    names = {f"customer-{number}": fault for number, fault in enumerate(NO_PROOF)}
    stack.declare({name: a_customer(name) for name in names})
    stack.up().ok()
    stack.environ["FUSION_DEADLINE"] = "8"
    kept = stack.state()
    emulator.requests.clear()
    emulator.faults.add("GET /customers 403", *(f"GET /customer/{name} {fault}" for name, fault in names.items()))

    # A refresh stops at its first error, so each has one of its own.
    for name in names:
        assert f"Could not read the customer '{name}': " in stack.refresh("--target", kept[name]["urn"]).failed().text
    printed = stack.destroy("--continue-on-error").failed().text
    for name in names:
        assert f"Could not delete the customer '{name}': " in printed
    assert set(stack.state()) == set(names)
    assert len(emulator.accounts()) == len(names)
    assert mutations(emulator.requests) == []

    emulator.faults.clear()
    del stack.environ["FUSION_DEADLINE"]
    stack.require_no_changes()


@pytest.mark.parametrize("absence", [400, 403])
def test_a_service_without_404_creates_and_drops_nothing(stack: Stack, emulator: Emulator, absence: int) -> None:
    stack.declare({"acme": a_customer("acme-corp")})
    stack.up().ok()
    emulator.switches = Switches(absence=absence)  # type: ignore[arg-type]
    emulator.remove("acme-corp")

    assert str(absence) in stack.refresh().failed().text
    assert set(stack.state()) == {"acme"}

    stack.declare({"acme": a_customer("acme-corp"), "other": a_customer("other-corp")})
    refused = stack.up("--config", "fusion:preflight=off").failed()
    assert "Could not create the customer 'other-corp'" in refused.text, "without a list, only a GET could show it"
    assert len(emulator.requests.of("POST", "/customer")) == 1


def test_two_stacks_that_claim_one_shortname_have_one_owner(stack: Stack, emulator: Emulator) -> None:
    (stack.folder / "second").mkdir()
    rival = Stack(stack.folder / "second", {**stack.environ, "FUSION_PREFLIGHT": "off"})
    for each in (stack, rival):
        each.declare({"acme": a_customer("acme-corp")})
    stack.up().ok()

    refused = rival.up().failed()

    assert "exists already" in refused.text
    assert rival.state() == {}
    assert len(emulator.requests.of("POST", "/customer")) == 1
    rival.destroy().ok()
    assert [account.shortname for account in emulator.accounts()] == ["acme-corp"]
    stack.require_no_changes()
