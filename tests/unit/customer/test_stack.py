"""What a run knows of its stack: what may be deleted, and what a shortname belongs to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pulumi_fusion.customer.stack import (
    DYNAMIC_TYPE,
    PLUGIN_TYPE,
    Command,
    Managed,
    Stack,
    StackState,
    may_be_same_provider,
)

PLACE = "urn:pulumi:dev::onboarding::"
OLD, NEW = f"{PLACE}{PLUGIN_TYPE}::old", f"{PLACE}{PLUGIN_TYPE}::new"
DYNAMIC = f"{PLACE}{DYNAMIC_TYPE}::old"


def stack(*managed: Managed, kind: str = PLUGIN_TYPE, **command: object) -> Stack:
    return Stack(lambda seconds: StackState(managed), Command(**command), kind)  # type: ignore[arg-type]


def entry(urn: str, customer_id: str = "id-1", **more: object) -> Managed:
    return Managed(urn, "acme-corp", customer_id, **more)  # type: ignore[arg-type]


def test_nothing_keeps_a_customer_that_has_one_resource() -> None:
    assert stack(entry(OLD), entry(NEW, "id-2")).other_managers(OLD, "acme-corp", "id-1") == []


def test_a_second_resource_in_the_state_keeps_it() -> None:
    assert stack(entry(OLD), entry(NEW)).other_managers(OLD, "acme-corp", "id-1") == [NEW]


def test_a_resource_that_waits_for_its_deletion_does_not_count_as_its_own_second() -> None:
    replaced = stack(entry(OLD, "id-2"), entry(OLD, "id-1", pending_delete=True))
    assert replaced.other_managers(OLD, "acme-corp", "id-1") == []
    assert stack(entry(OLD), entry(OLD, pending_delete=True)).other_managers(OLD, "acme-corp", "id-1") == [OLD]


def test_without_a_urn_the_only_resource_of_the_frontend_is_the_one_that_is_deleted() -> None:
    assert stack(entry(DYNAMIC), kind=DYNAMIC_TYPE).other_managers("", "acme-corp", "id-1") == []
    assert stack(entry(DYNAMIC), entry(NEW), kind=DYNAMIC_TYPE).other_managers("", "acme-corp", "id-1") == [NEW]
    twice = stack(entry(DYNAMIC), entry(DYNAMIC + "er"), kind=DYNAMIC_TYPE)
    assert twice.other_managers("", "acme-corp", "id-1") == [DYNAMIC, DYNAMIC + "er"]


def test_a_resource_that_declares_the_shortname_keeps_it() -> None:
    renamed = stack(entry(OLD))
    assert renamed.declare("acme-corp", NEW) is None
    assert renamed.other_managers(OLD, "acme-corp", "id-1") == [NEW]


def test_what_was_adopted_or_read_in_this_run_is_kept() -> None:
    adopted = stack(entry(OLD))
    adopted.note_managed("id-1", "acme-corp", NEW)
    assert adopted.other_managers(OLD, "acme-corp", "id-1") == [NEW]
    again = stack(entry(OLD))
    again.note_managed("id-1", "acme-corp", OLD)
    assert again.other_managers(OLD, "acme-corp", "id-1") == []
    unnamed = stack(entry(DYNAMIC), kind=DYNAMIC_TYPE)
    unnamed.note_managed("id-1", "acme-corp", "")
    assert unnamed.other_managers("", "acme-corp", "id-1") == [
        "a resource of the program, by the shortname 'acme-corp'"
    ]


def test_a_replaced_resource_does_not_keep_its_own_customer() -> None:
    replaced = stack(entry(DYNAMIC), kind=DYNAMIC_TYPE)
    replaced.declare("acme-corp", DYNAMIC)
    assert replaced.other_managers("", "acme-corp", "id-1") == []


@pytest.mark.parametrize("urn", [OLD, ""])
def test_an_unreadable_state_leaves_what_the_program_declares(urn: str) -> None:
    unknown = Stack(kind=PLUGIN_TYPE)
    assert unknown.other_managers(urn, "acme-corp", "id-1") == []
    unknown.declare("acme-corp", NEW)
    assert unknown.other_managers(urn, "acme-corp", "id-1") == [NEW]
    assert not unknown.is_known()
    assert unknown.owner("id-1", "acme-corp") is None


@pytest.mark.parametrize("kept", [True, False])
def test_a_destroy_of_everything_spares_only_what_a_resource_retains(kept: bool) -> None:
    both = (entry(OLD), entry(NEW, kept=kept))
    assert stack(*both, destroys=True).other_managers(OLD, "acme-corp", "id-1") == [NEW] * kept
    assert stack(entry(OLD, kept=kept), destroys=True).other_managers(OLD, "acme-corp", "id-1") == []
    assert Stack(lambda seconds: None, Command(destroys=True)).other_managers(OLD, "acme-corp", "id-1") == []


def test_a_limited_destroy_spares_what_another_resource_manages_unless_that_goes_too() -> None:
    both = (entry(OLD), entry(NEW))
    limited = stack(*both, destroys=True, is_limited=True, targets=frozenset({OLD}))
    assert limited.other_managers(OLD, "acme-corp", "id-1") == [NEW]
    whole = stack(*both, destroys=True, is_limited=True, targets=frozenset({OLD, NEW}))
    assert whole.other_managers(OLD, "acme-corp", "id-1") == []


def test_a_limited_update_may_replace_and_not_remove() -> None:
    limited = stack(entry(OLD), is_limited=True)
    assert limited.may_be_declared_elsewhere(OLD, "acme-corp", "id-1")
    assert limited.may_be_declared_elsewhere("", "acme-corp", "id-1")
    limited.declare("acme-new", OLD)  # another resource, which isn't seen, may have taken over the shortname
    assert limited.may_be_declared_elsewhere(OLD, "acme-corp", "id-1")
    limited.declare("acme-corp", OLD)
    assert not limited.may_be_declared_elsewhere(OLD, "acme-corp", "id-1")
    assert not limited.may_be_declared_elsewhere("", "acme-corp", "id-1")
    assert not stack(entry(OLD)).may_be_declared_elsewhere(OLD, "acme-corp", "id-1")
    assert not stack(entry(OLD), destroys=True, is_limited=True).may_be_declared_elsewhere(OLD, "acme-corp", "id-1")


def test_a_customer_without_an_id_has_no_owner() -> None:
    unsettled = Stack(lambda seconds: StackState([Managed(OLD, "acme-corp", None)]), kind=PLUGIN_TYPE)
    assert unsettled.owner(None, "other-corp") is None
    assert unsettled.other_managers(OLD, "acme-corp", None) == []


def test_the_owner_is_the_resource_that_stays() -> None:
    owner = stack(entry(OLD, pending_delete=True), entry(NEW)).owner("id-1", "acme-corp")
    assert owner is not None
    assert owner.urn == NEW


def test_two_resources_with_one_shortname_are_named() -> None:
    program = stack()
    assert program.declare("acme-corp", OLD) is None
    assert program.declare("acme-corp", OLD) is None
    assert program.declare("acme-corp", NEW) == OLD
    assert program.declare("other-corp", NEW) is None
    assert program.declare("acme-corp", "") is None


def test_the_account_of_other_providers_does_not_matter() -> None:
    def at(name: str) -> str:
        return f"{PLACE}pulumi:providers:fusion::{name}"

    assert may_be_same_provider(at("default"), at("default_0_2_0"))
    assert may_be_same_provider("", at("east"))
    assert not may_be_same_provider(at("default"), at("east"))
    customers = (
        entry(OLD, parent="msp", provider=at("default")),
        entry(NEW, "id-2", parent="east-msp", provider=at("east")),
    )
    serving = Stack(lambda seconds: StackState(customers), provider=at("default_0_1_0"))
    assert serving.other_parents("msp") == []
    assert [each.urn for each in serving.other_parents("another")] == [OLD]


@pytest.mark.parametrize(
    ("kind", "own", "others", "hidden"),
    [
        (PLUGIN_TYPE, "pulumi:providers:fusion::default", [], False),
        (PLUGIN_TYPE, "pulumi:providers:fusion::default", ["pulumi:providers:fusion::east"], True),
        (PLUGIN_TYPE, "pulumi:providers:fusion::default", ["pulumi:providers:pulumi-python::default"], True),
        (DYNAMIC_TYPE, "", [], False),
        (DYNAMIC_TYPE, "", ["pulumi:providers:fusion::default"], True),
    ],
)
def test_a_run_that_goes_on_after_errors_may_hide_what_another_provider_was_asked_for(
    kind: str, own: str, others: list[str], hidden: bool
) -> None:
    mine = own or "pulumi:providers:pulumi-python::default"
    state = StackState([entry(OLD)], [PLACE + each for each in (mine, *others)])
    for goes_on in (True, False):
        run = Stack(lambda seconds: state, Command(may_miss=goes_on), kind, own and PLACE + own)
        assert run.may_be_declared_elsewhere(OLD, "acme-corp", "id-1") == (hidden and goes_on)
    assert Stack(command=Command(may_miss=True), kind=kind).may_be_declared_elsewhere(OLD, "acme-corp", "id-1")


def test_a_deletion_needs_the_state_that_holds_the_customer() -> None:
    assert not stack(entry(OLD)).is_unverified("acme-corp", "id-1")
    assert stack().is_unverified("acme-corp", "id-1")
    assert stack(entry(OLD, "id-2")).is_unverified("acme-corp", "id-1")
    assert Stack(lambda seconds: None).is_unverified("acme-corp", "id-1")
    assert not stack(destroys=True).is_unverified("acme-corp", "id-1")
    assert stack(destroys=True, is_limited=True).is_unverified("acme-corp", "id-1")
    # A state may keep the id encrypted; and a provider that Pulumi didn't start has no state to read.
    assert not Stack(lambda seconds: StackState([Managed(OLD, "acme-corp", None)])).is_unverified("acme-corp", "id-1")
    assert not Stack().is_unverified("acme-corp", "id-1")


def test_targets_of_an_update_keep_what_they_manage() -> None:
    both = (entry(OLD), entry(NEW))
    update = stack(*both, is_limited=True, targets=frozenset({OLD, NEW}))
    assert update.other_managers(OLD, "acme-corp", "id-1") == [NEW]
    unnamed = stack(entry(DYNAMIC), entry(DYNAMIC + "er"), kind=DYNAMIC_TYPE, is_limited=True)
    unnamed.declare("acme-corp", DYNAMIC + "er")
    assert unnamed.may_be_declared_elsewhere("", "acme-corp", "id-1")


def test_a_state_that_keeps_the_id_encrypted_shows_the_shortname() -> None:
    hidden = stack(Managed(OLD, "acme-corp", None), Managed(NEW, "acme-corp", None), Managed(DYNAMIC, "other", None))
    assert hidden.other_managers(OLD, "acme-corp", "id-1") == [NEW]
    owner = hidden.owner("id-1", "other")
    assert owner is not None
    assert owner.urn == DYNAMIC


def test_a_deletion_reads_the_state_again_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("pulumi_fusion.customer.stack.time", SimpleNamespace(monotonic=lambda: now))
    states = [StackState([entry(OLD)]), StackState([entry(OLD), entry(NEW)])]
    update = Stack(lambda seconds: states.pop(0), kind=PLUGIN_TYPE)
    assert update.other_managers(OLD, "acme-corp", "id-1") == []
    now += 0.5
    assert update.other_managers(OLD, "acme-corp", "id-1") == []
    now += 1
    assert update.other_managers(OLD, "acme-corp", "id-1") == [NEW]


def test_the_account_of_the_other_frontend_does_not_matter() -> None:
    plugin = entry(OLD, parent="east-msp", provider=f"{PLACE}pulumi:providers:fusion::east")
    assert stack(plugin, kind=DYNAMIC_TYPE).other_parents("msp") == []
