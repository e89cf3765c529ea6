"""What an error advises about an existing shortname, by the state of the stack."""

from __future__ import annotations

from typing import Any

from pulumi_fusion.customer.hints import about_existing
from pulumi_fusion.customer.stack import DYNAMIC_TYPE, Managed, Stack, StackState
from pulumi_fusion.operations.lifecycle import DYNAMIC_HINTS, Lifecycle
from tests.unit.operations.scripted import ScriptedService
from tests.unit.samples import DECLARED

PLACE = f"urn:pulumi:dev::onboarding::{DYNAMIC_TYPE}::"
OLD, NEW = PLACE + "old", PLACE + "new"


def about(*managed: Managed, urn: str = NEW) -> str:
    stack = Stack(lambda seconds: StackState(managed), kind=DYNAMIC_TYPE)
    return about_existing(DYNAMIC_HINTS, stack, urn, "acme-corp", "id-1")


def test_a_renamed_resource_is_advised_by_an_alias_and_a_command() -> None:
    text = about(Managed(OLD, "acme-corp", "id-1"))
    assert f'opts=pulumi.ResourceOptions(aliases=["{OLD}"])' in text
    assert f"pulumi state rename '{OLD}' new" in text
    assert "adopt=" not in text


def test_a_move_below_a_parent_is_advised_by_an_alias_only() -> None:
    below = f"urn:pulumi:dev::onboarding::test:index:Region${DYNAMIC_TYPE}::old"
    text = about(Managed(OLD, "acme-corp", "id-1"), urn=below)
    assert "aliases=" in text
    assert "pulumi state rename" not in text


def test_swapped_names_are_advised_to_be_swapped_back() -> None:
    text = about(Managed(OLD, "acme-corp", "id-1"), Managed(NEW, "other-corp", "id-2"))
    assert "swap them back" in text
    assert "aliases=" not in text


def test_a_pending_deletion_is_repeated_first() -> None:
    waiting = Managed(OLD, "acme-corp", "id-1", pending_delete=True)
    assert "Restore the last shortname of this resource" in about(waiting, urn=OLD)
    assert "Remove this resource for now" in about(waiting)


def test_a_customer_that_no_resource_manages_is_advised_to_be_adopted() -> None:
    assert "No resource of this stack manages it" in about()
    assert "adopt='id-1'" in about()


def check(stack: Stack, urn: str, **changed: Any) -> list[str]:
    life = Lifecycle.of_run(ScriptedService, mode="off", stack=stack).within(urn=urn)
    return [failure.reason for failure in life.check({**DECLARED, **changed}, None).failures]


def test_a_rename_fails_the_check_with_preflight_off() -> None:
    def stack() -> Stack:
        return Stack(lambda seconds: StackState([Managed(OLD, "acme-corp", "id-1")]), kind=DYNAMIC_TYPE)

    [reason] = check(stack(), NEW)
    assert f"This stack manages it as {OLD}" in reason
    assert check(stack(), OLD) == []
    assert check(stack(), NEW, shortname="other-corp") == []
    assert check(Stack(), NEW) == []


def test_a_replacement_does_not_adopt_what_it_deletes() -> None:
    stack = Stack(lambda seconds: StackState([Managed(OLD, "acme-corp", "id-1")]), kind=DYNAMIC_TYPE)
    [reason] = check(stack, OLD, adopt="id-1")
    assert "Remove adopt" in reason
    assert check(stack, OLD, adopt="id-2") == []
