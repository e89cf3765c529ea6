"""The life cycle against a scripted service: what is sent, what is believed, and what is refused."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import repeat
from typing import Any

import pytest

from pulumi_fusion.customer.model import AccountType, State
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.errors import (
    AbsenceNotProved,
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    FusionError,
    HasSubAccounts,
    InDoubt,
    InvalidInput,
    MissingSetting,
    NotFound,
    NotOurs,
    NotSent,
    OutcomeUnknown,
    Protected,
    RateLimited,
    SettingsError,
    Unrecognised,
)
from pulumi_fusion.operations import lifecycle
from pulumi_fusion.operations.cache import LONGEST_LIST
from pulumi_fusion.operations.delete import COUNT_SECONDS
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.operation import CONSISTENCY_SECONDS
from pulumi_fusion.operations.read import NOT_FOUND_CHECKS
from tests.unit.operations.scripted import (
    ABOVE,
    DECLARED,
    HELD,
    POSTED,
    PUT_BODY,
    Clock,
    Scripted,
    absent,
    account,
    conflict,
    dead_key,
    declared,
    lost,
    no_role,
    portal,
    refused,
    state,
    unreachable,
)

Over = Callable[..., Lifecycle]


def limited() -> RateLimited:
    return RateLimited("create the customer", "the service answered 429", status=429)


# create


def test_absence_is_proved_and_one_post_sent(over: Over, warnings: list[str]) -> None:
    gateway = Scripted(get=[absent()], post=[account()])
    created = over(gateway).create(declared())
    assert gateway.verbs == ["TYPES", "GET", "POST"]
    assert gateway.bodies("POST") == [POSTED]
    assert created == state(deletion_protection=None)
    assert warnings == []


def test_a_shortname_that_is_taken_is_not_posted(over: Over) -> None:
    gateway = Scripted(get=[account()])
    with pytest.raises(AlreadyExists) as told:
        over(gateway).create(declared())
    assert gateway.changing == []
    assert told.value.customer_id == "id-1"
    assert str(told.value) == (
        "Could not create the customer 'acme-corp': a customer with this shortname exists already (id id-1). "
        "If this resource was renamed or moved, add its previous URN (`pulumi stack --show-urns`) to its options, as "
        'in opts=pulumi.ResourceOptions(aliases=["<previous URN>"]), or use `pulumi state rename` or '
        "`pulumi state move`. It isn't adopted automatically. If no stack manages it, set adopt='id-1' on this "
        "Customer and run `pulumi up`; otherwise choose another shortname."
    )


def test_a_taken_shortname_without_an_id_names_no_id(over: Over) -> None:
    with pytest.raises(AlreadyExists) as told:
        over(Scripted(get=[account(id=None)])).create(declared())
    assert "None" not in str(told.value)
    assert "adopt with its immutable id" in str(told.value)


@pytest.mark.parametrize("answer", [refused, no_role, dead_key, lost, portal, conflict, unreachable, limited])
def test_nothing_but_proof_of_absence_lets_a_post_go(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=[answer()])
    with pytest.raises(FusionError) as told:
        over(gateway).create(declared())
    assert gateway.changing == []
    assert isinstance(told.value, AbsenceNotProved if answer is refused else type(answer()))
    assert str(told.value).startswith("Could not create the customer 'acme-corp': ")


@pytest.mark.parametrize("answer", [unreachable, limited])
def test_a_post_that_did_not_run_is_told_as_it_came(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=[absent()], post=[answer()])
    with pytest.raises(type(answer())):
        over(gateway).create(declared())
    assert gateway.verbs == ["TYPES", "GET", "POST"]


@pytest.mark.parametrize("answer", [refused, conflict, no_role, dead_key, absent])
def test_a_refused_post_is_looked_into(over: Over, answer: Callable[[], FusionError]) -> None:
    taken = Scripted(get=[absent(), account(id="id-9")], post=[answer()])
    with pytest.raises(AlreadyExists) as told:
        over(taken).create(declared())
    assert told.value.customer_id == "id-9"

    free = Scripted(get=[absent(), absent()], post=[answer()])
    with pytest.raises(type(answer())):
        over(free).create(declared())
    assert free.changing == ["POST"]


def test_a_post_that_was_held_goes_out_again_only_while_the_shortname_is_free(over: Over) -> None:
    free = Scripted(get=[absent(), absent()], post=[HELD, account()])
    assert over(free).create(declared()).customer_id == "id-1"
    assert free.verbs == ["TYPES", "GET", "POST", "GET", "POST"]

    taken = Scripted(get=[absent(), account(id="id-9")], post=[HELD])
    with pytest.raises(AlreadyExists, match="adopt='id-9'"):
        over(taken).create(declared())
    assert taken.changing == ["POST"]


@pytest.mark.parametrize("answer", [refused, no_role, dead_key, lost, portal, conflict, unreachable, limited])
def test_a_post_that_was_held_stays_where_nothing_proves_that_it_is_free(
    over: Over, answer: Callable[[], FusionError]
) -> None:
    gateway = Scripted(get=[absent(), answer(), *repeat(absent(), 3)], post=[HELD])
    with pytest.raises(AbsenceNotProved, match="Could not create the customer 'acme-corp'"):
        over(gateway).create(declared())
    assert gateway.changing == ["POST"]


def test_a_second_post_that_was_held_finds_what_the_first_one_made(over: Over) -> None:
    posts: list[None] = []

    def post() -> object:
        posts.append(None)
        return lost() if len(posts) == 1 else HELD

    gateway = Scripted(get=repeat(lambda: account() if len(posts) == 2 else absent()), post=repeat(post))
    assert over(gateway).create(declared()).customer_id == "id-1"
    assert len(posts) == 2


@pytest.mark.parametrize("verb", ["put", "delete"])
@pytest.mark.parametrize("look", [account(id="id-2"), account(id=None), lost(), no_role()])
def test_what_was_held_is_sent_again_to_the_same_account_alone(over: Over, verb: str, look: object) -> None:
    answers: dict[str, Any] = {verb: repeat(HELD)}
    gateway = Scripted(get=[account(), look], **answers)
    with pytest.raises(NotOurs, match="Nothing was changed"):
        act(over(gateway), verb)
    assert gateway.changing == [verb.upper()]

    answers = {verb: [HELD, None] if verb == "delete" else [HELD, account(data_retention=7)]}
    after = absent() if verb == "delete" else account(data_retention=7)
    same = Scripted(get=[account(), account(), after], **answers)
    act(over(same), verb)
    assert same.changing == [verb.upper()] * 2


def test_what_is_gone_while_its_delete_was_held_is_deleted(over: Over) -> None:
    gateway = Scripted(get=[account(), absent()], delete=[HELD])
    over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (account(id="id-2"), "since another customer (id 'id-2') has the shortname now"),
        (account(children=2), "it has 2 customers of its own"),
        (no_role(), "the service answered 403"),
    ],
)
def test_what_keeps_a_deletion_in_doubt_is_told(over: Over, look: object, why: str) -> None:
    gateway = Scripted(get=[account(), look], delete=[lost()])
    with pytest.raises(OutcomeUnknown) as caught:
        over(gateway).delete("acme-corp", state())
    assert why in str(caught.value)
    assert gateway.changing == ["DELETE"]


def act(lifecycle: Lifecycle, verb: str) -> None:
    if verb == "put":
        lifecycle.update(state(), declared(data_retention=7))
    else:
        lifecycle.delete("acme-corp", state())


@pytest.mark.parametrize("doubt", [lost, portal])
@pytest.mark.parametrize("misses", [0, 1, 4])
def test_what_a_lost_answer_made_is_found_and_kept(
    over: Over, doubt: Callable[[], InDoubt], misses: int, warnings: list[str]
) -> None:
    gateway = Scripted(get=[absent(), *(absent() for _ in range(misses)), account()], post=[doubt()])
    assert over(gateway).create(declared()).customer_id == "id-1"
    assert gateway.changing == ["POST"]
    assert warnings == []


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("data_retention", 7, "retention"),
        ("rollup_retention", 365, "rollupRetention"),
        ("trial", True, "trial"),
        ("organization", "Other Inc.", "organization"),
        ("type", "reseller", "type"),
        ("fps", 5, "fps"),
        ("shortname", "other-corp", "shortname"),
        ("parent", "somebody", "parent"),
    ],
)
def test_what_differs_from_what_was_sent_is_never_ours(over: Over, field: str, value: Any, named: str) -> None:
    gateway = Scripted(get=[absent(), account(**{field: value, "id": "id-9"})], post=[lost()])
    with pytest.raises(NotOurs) as told:
        over(gateway).create(declared(contractual_flows_per_second=5000))
    assert f"differs in {named} from what was sent" in str(told.value)
    assert "adopt='id-9'" in str(told.value)
    assert gateway.changing == ["POST"]


def test_a_second_post_goes_only_after_absence_for_the_whole_window(over: Over, clock: Clock) -> None:
    posted: list[float] = []

    def fail() -> InDoubt:
        posted.append(clock.now)
        return lost()

    def succeed() -> object:
        posted.append(clock.now)
        return account()

    gateway = Scripted(get=(absent() for _ in itertools.count()), post=[fail, succeed])
    assert over(gateway).create(declared()).customer_id == "id-1"
    assert gateway.changing == ["POST", "POST"]
    assert posted[1] - posted[0] >= CONSISTENCY_SECONDS
    assert gateway.bodies("POST") == [POSTED, POSTED]


@pytest.mark.parametrize("interruption", [portal, lost, no_role, unreachable, limited, refused])
def test_one_unclear_look_starts_the_window_anew(
    over: Over, clock: Clock, interruption: Callable[[], FusionError]
) -> None:
    seen: list[float] = []
    posted: list[float] = []

    def look() -> FusionError:
        # The first time is the proof before the POST.
        if posted and not seen and clock.now - posted[0] > CONSISTENCY_SECONDS * 0.8:
            seen.append(clock.now)
            return interruption()
        return absent()

    def fail() -> InDoubt:
        posted.append(clock.now)
        return lost()

    gateway = Scripted(get=repeat(look), post=[fail, fail])
    with pytest.raises(OutcomeUnknown):
        over(gateway).create(declared())
    assert len(posted) == 2
    assert posted[1] - seen[0] >= CONSISTENCY_SECONDS


def test_a_list_that_is_ahead_of_a_get_keeps_the_second_post_back(over: Over) -> None:
    ours = Scripted(get=repeat(absent), post=[lost()], customers=[[account()]])
    assert over(ours).create(declared()).customer_id == "id-1"

    other = Scripted(get=repeat(absent), post=[lost()], customers=[[account(trial=True, id="id-9")]])
    with pytest.raises(NotOurs, match="adopt='id-9'"):
        over(other).create(declared())
    assert ours.changing == other.changing == ["POST"]


@pytest.mark.parametrize("answer", [portal, lost, no_role, unreachable, limited])
def test_a_list_that_tells_nothing_is_no_witness(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=repeat(absent), post=[lost(), account()], customers=[answer()])
    assert over(gateway).create(declared()).customer_id == "id-1"


def test_two_posts_are_all_there_ever_are(over: Over) -> None:
    gateway = Scripted(get=repeat(absent), post=[lost(), lost()])
    with pytest.raises(OutcomeUnknown) as told:
        over(gateway).create(declared())
    assert gateway.changing == ["POST", "POST"]
    assert str(told.value) == (
        "Could not create the customer 'acme-corp': the request was sent, the connection was reset, and whether the "
        "customer exists could not be found out since. Run `pulumi up` again: a customer that was not made is made "
        'then; for one that was made, the error then names its id, and adopt="<that id>" on this Customer keeps it.'
    )


@pytest.mark.parametrize("answer", [refused, conflict, lost])
def test_a_second_post_that_runs_into_the_first_is_settled(over: Over, answer: Callable[[], FusionError]) -> None:
    posts: list[None] = []

    def post() -> FusionError:
        posts.append(None)
        return lost() if len(posts) == 1 else answer()

    gateway = Scripted(get=repeat(lambda: account() if len(posts) == 2 else absent()), post=repeat(post))
    assert over(gateway).create(declared()).customer_id == "id-1"
    assert len(posts) == 2


@pytest.mark.parametrize("answer", [unreachable, dead_key, no_role, limited])
def test_a_second_post_that_does_not_run_leaves_the_outcome_open(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=repeat(absent), post=[lost(), answer()])
    with pytest.raises(OutcomeUnknown):
        over(gateway).create(declared())
    assert gateway.changing == ["POST", "POST"]


@pytest.mark.parametrize("answer", [portal, lost, unreachable, dead_key, no_role, refused])
def test_a_service_that_stays_away_ends_with_the_deadline(
    over: Over, clock: Clock, answer: Callable[[], FusionError]
) -> None:
    started = clock.now
    looks = itertools.chain([absent()], (answer() for _ in itertools.count()))
    gateway = Scripted(get=looks, post=[lost()])
    with pytest.raises(OutcomeUnknown):
        over(gateway, deadline=30.0).create(declared())
    assert gateway.changing == ["POST"]
    assert clock.now - started <= 30.0


def test_an_interrupt_while_settling_sends_nothing_more(over: Over, clock: Clock) -> None:
    gateway = Scripted(get=repeat(absent), post=[lost()])
    clock.on_wait = lambda seconds: clock.set()
    with pytest.raises(OutcomeUnknown):
        over(gateway).create(declared())
    assert gateway.verbs == ["TYPES", "GET", "POST", "GET"]


@pytest.mark.parametrize("moment", ["before the look", "before the post", "during the settling", "at its very end"])
def test_no_post_goes_out_after_an_interrupt(over: Over, clock: Clock, moment: str) -> None:
    posts: list[float] = []

    def look() -> FusionError:
        end = posts and clock.now - posts[0] >= CONSISTENCY_SECONDS
        if moment == "before the post" or (posts and moment == "during the settling") or end:
            clock.set()
        return absent()

    def post() -> FusionError:
        assert not clock.is_set()
        posts.append(clock.now)
        return lost()

    if moment == "before the look":
        clock.set()
    gateway = Scripted(get=repeat(look), post=repeat(post))
    with pytest.raises((Cancelled, OutcomeUnknown)) as told:
        over(gateway).create(declared())
    assert isinstance(told.value, Cancelled) == moment.startswith("before")
    assert len(posts) == (0 if moment.startswith("before") else 1)


def test_an_answer_without_an_id_is_completed_by_a_look(over: Over, warnings: list[str]) -> None:
    gateway = Scripted(get=[absent(), absent(), account()], post=[account(id=None)])
    assert over(gateway).create(declared()).customer_id == "id-1"
    assert gateway.changing == ["POST"]
    assert warnings == []


@pytest.mark.parametrize("look", [lambda: account(id=None), lambda: account(trial=True), absent, portal, Cancelled])
def test_a_certain_creation_is_never_an_error(over: Over, look: Callable[..., Any], warnings: list[str]) -> None:
    answer = (lambda: Cancelled("x", "y")) if look is Cancelled else look
    gateway = Scripted(get=itertools.chain([absent()], repeat(answer)), post=[account(id=None)])
    created = over(gateway, deadline=20.0).create(declared())
    assert created.shortname == "acme-corp"
    assert created.customer_id is None
    assert gateway.changing == ["POST"]
    [warning] = warnings
    assert warning == "acme-corp: it was created, but the service returned no id; `pulumi refresh` records it."


def test_a_type_that_nobody_knows_is_not_sent(over: Over) -> None:
    gateway = Scripted()
    with pytest.raises(InvalidInput, match="does not know the type 'gold'"):
        over(gateway).create(declared(type="gold"))
    assert gateway.verbs == ["TYPES"]


@pytest.mark.parametrize("answer", [refused, no_role, absent])
def test_a_service_that_keeps_its_types_to_itself_is_no_obstacle(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(types=[answer()], get=[absent()], post=[account()])
    over(gateway).create(declared(type="MSSP"))
    assert gateway.bodies("POST")[0]["type"] == "reseller"


def test_the_service_own_types_decide_what_is_sent(over: Over) -> None:
    gateway = Scripted(types=[[AccountType(value="client", label="SLG")]], get=[absent()], post=[account()])
    over(gateway).create(declared())
    assert gateway.bodies("POST")[0]["type"] == "client"


def test_settings_that_are_missing_are_told_as_the_operation(clock: Clock) -> None:
    def connect() -> Any:
        raise MissingSetting("reach the service", "netosecret is not set")

    with pytest.raises(MissingSetting, match="Could not create the customer 'acme-corp': netosecret is not set"):
        Lifecycle(connect, cancelled=clock).create(declared())


# adopt


def test_the_named_account_is_taken_over_without_a_request_where_all_agrees(over: Over) -> None:
    gateway = Scripted(get=[account()])
    adopted = over(gateway).create(declared(adopt="id-1"))
    assert gateway.changing == []
    assert adopted.customer_id == "id-1"


def test_the_named_account_is_brought_in_line(over: Over) -> None:
    gateway = Scripted(get=[account(trial=True, fps=700), account(fps=700)], put=[account(fps=700)])
    adopted = over(gateway).create(declared(adopt="id-1"))
    assert gateway.bodies("PUT") == [{**PUT_BODY, "fps": 700}]
    assert adopted.status == "Active"
    assert adopted.contractual_flows_per_second == 700


@pytest.mark.parametrize(
    ("live", "inputs", "problem"),
    [
        (account(id="id-2"), {"adopt": "id-1"}, "adopt names the id 'id-1', but the customer has the id 'id-2'"),
        (account(id=None), {"adopt": "id-1"}, "adopt names the id 'id-1', but the customer has the id None"),
        (absent(), {"adopt": "id-1"}, "adopt names the id 'id-1', but no customer has this shortname"),
        (
            account(shortname=ABOVE),
            {"adopt": "id-1", "shortname": ABOVE},
            "it is the account that you work in",
        ),
    ],
)
def test_another_account_than_the_named_one_is_left_alone(
    over: Over, live: object, inputs: dict[str, Any], problem: str
) -> None:
    gateway = Scripted(get=[live])
    with pytest.raises(NotOurs) as told:
        over(gateway).create(declared(**inputs))
    assert problem in str(told.value)
    assert gateway.changing == []


# read


def test_one_list_serves_many_reads(over: Over) -> None:
    shown = [account(), account(shortname="other-corp", id="id-2")]
    gateway = Scripted(customers=[shown])
    lifecycle = over(gateway)
    for shortname, known in (("acme-corp", "id-1"), ("other-corp", "id-2"), ("acme-corp", "id-1")):
        seen = lifecycle.read(shortname, state(shortname=shortname, customer_id=known))
        assert seen is not None
        assert seen.customer_id == known
    assert sorted(gateway.verbs) == ["LIST", "TYPES"]  # both at once


def test_a_list_that_is_cut_is_said_and_the_rest_is_asked_alone(over: Over, warnings: list[str]) -> None:
    full = [account(shortname=f"acme-{number}", id=f"id-{number}") for number in range(LONGEST_LIST)]
    gateway = Scripted(customers=[full], get=[account()])
    lifecycle = over(gateway)
    assert lifecycle.read("acme-7", state(shortname="acme-7", customer_id="id-7")) is not None
    assert warnings == []
    assert lifecycle.read("acme-corp", state()) is not None
    assert lifecycle.check({**DECLARED, "shortname": "acme-new"}, None).failures == []
    assert "lists 1000 customers at most" in warnings[0]
    assert set(warnings) == {warnings[0]}  # a face says each sentence once


def test_what_the_list_leaves_open_is_asked_alone(over: Over) -> None:
    gateway = Scripted(customers=[[]], get=[account(trial=True, data_retention=7)])
    seen = over(gateway).read("acme-corp", state())
    assert seen is not None
    assert (seen.status, seen.data_retention, seen.email) == ("Trial Active", 7, DECLARED["email"])


def test_a_list_that_fails_is_no_obstacle(over: Over) -> None:
    gateway = Scripted(customers=[portal()], get=[account()])
    assert over(gateway).read("acme-corp", state()) == state()


def test_a_customer_is_gone_only_when_no_answer_can_lag_any_more(over: Over, clock: Clock) -> None:
    """What an earlier run wrote may be out of sight for as long as an answer may lag, and no longer."""
    began = clock.now
    lifecycle = over(Scripted(get=repeat(absent)))
    assert lifecycle.read("acme-corp", state()) is None
    assert clock.now - began >= CONSISTENCY_SECONDS

    began = clock.now
    assert lifecycle.read("other-one", state(shortname="other-one")) is None
    assert clock.now - began < CONSISTENCY_SECONDS / 2  # one wait for all customers of a run

    late = Scripted(get=repeat(lambda: account() if clock.now - began > CONSISTENCY_SECONDS * 0.9 else absent()))
    began = clock.now
    assert over(late).read("acme-corp", state()) == state()


def test_one_404_makes_nobody_gone_however_late_it_comes(over: Over, clock: Clock) -> None:
    gateway = Scripted(get=repeat(absent))
    lifecycle = over(gateway)
    clock.now += 2 * CONSISTENCY_SECONDS
    assert lifecycle.read("acme-corp", state()) is None
    assert [verb for verb in gateway.verbs if verb != "TYPES"] == ["LIST", *["GET"] * NOT_FOUND_CHECKS]


@pytest.mark.parametrize("answer", [portal, lost, no_role, dead_key, refused, unreachable, limited])
@pytest.mark.parametrize("misses", [0, 1, 2])
def test_nothing_but_proof_drops_a_customer(over: Over, answer: Callable[[], FusionError], misses: int) -> None:
    gateway = Scripted(get=[*(absent() for _ in range(misses)), answer()])
    with pytest.raises(type(answer())) as told:
        over(gateway).read("acme-corp", state())
    assert str(told.value).startswith("Could not read the customer 'acme-corp': ")


def test_an_account_that_cannot_see_the_customer_does_not_drop_it(over: Over) -> None:
    elsewhere = state(parent="other-msp")
    with pytest.raises(AbsenceNotProved) as told:
        over(Scripted(get=repeat(absent))).read("acme-corp", elsewhere)
    assert "Work in the account 'other-msp'" in str(told.value)
    gateway = Scripted(get=repeat(absent))
    with pytest.raises(AbsenceNotProved):
        over(gateway).delete("acme-corp", elsewhere)
    assert gateway.changing == []


def test_a_read_that_is_interrupted_proves_nothing(over: Over, clock: Clock) -> None:
    clock.on_wait = lambda seconds: clock.set()
    with pytest.raises(Cancelled):
        over(Scripted(get=repeat(absent))).read("acme-corp", state())


def test_an_account_made_anew_under_the_name_is_not_read_as_ours(over: Over) -> None:
    with pytest.raises(NotOurs) as told:
        over(Scripted(customers=[[account(id="id-2")]])).read("acme-corp", state())
    assert "the id 'id-1'" in str(told.value)
    assert "the id 'id-2' now" in str(told.value)
    assert "pulumi state delete" in str(told.value)


def test_a_state_without_an_id_gets_it_where_all_matches(over: Over) -> None:
    seen = over(Scripted(get=[account()])).read("acme-corp", state(customer_id=None))
    assert seen == state()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data_retention", 7),
        ("rollup_retention", 365),
        ("organization", "Other Inc."),
        ("type", "reseller"),
        ("parent", "somebody"),
    ],
)
def test_a_state_without_an_id_gets_none_of_a_stranger(over: Over, field: str, value: Any) -> None:
    with pytest.raises(NotOurs):
        over(Scripted(get=[account(**{field: value})])).read("acme-corp", state(customer_id=None))


def test_an_import_knows_nothing_beforehand(over: Over) -> None:
    seen = over(Scripted(get=[account(type="reseller", organization="Acme Inc.")])).read("acme-corp", State())
    assert seen is not None
    assert seen.properties() == {
        "shortname": "acme-corp",
        "type": "reseller",
        "organization": "Acme Inc.",
        "status": "Active",
        "dataRetention": 45,
        "rollupRetention": 90,
        "customerId": "id-1",
        "ingestIp": "192.0.2.1",
        "ingestPort": 2055,
        "parent": ABOVE,
        "node": f"{ABOVE}/acme-corp",
    }


# create after the list of a preflight


OTHER = account(shortname="other-corp", id="id-9")


def after_preflight(over: Over, *listed: Any, **answers: Any) -> tuple[Lifecycle, Scripted]:
    """A life cycle whose preflight fetched the list, and its service."""
    gateway = Scripted(customers=[listed], **answers)
    lifecycle = over(gateway)
    assert lifecycle.check({**DECLARED, "shortname": "not-listed"}, None).failures == []
    gateway.calls.clear()
    return lifecycle, gateway


def test_a_list_of_the_preflight_replaces_the_get_before_a_create(over: Over) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, post=[account()])
    assert lifecycle.create(declared()).customer_id == "id-1"
    assert gateway.verbs == ["POST"]


@pytest.mark.parametrize(
    "listed", [account(), account(shortname="Acme-Corp"), account(shortname="msp-corp", children=2)]
)
def test_a_list_that_may_hold_the_name_is_followed_by_a_get(over: Over, listed: Any) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, listed, get=[account()])
    with pytest.raises(AlreadyExists):
        lifecycle.create(declared())
    assert gateway.verbs == ["GET"]


def test_a_list_older_than_a_minute_is_followed_by_a_get(over: Over, clock: Clock) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, get=[account()])
    clock.now += 60.1
    with pytest.raises(AlreadyExists):
        lifecycle.create(declared())
    assert gateway.changing == []


@pytest.mark.parametrize("misses", [0, 3])
def test_a_lost_answer_to_a_create_after_a_list_is_resolved_by_gets(over: Over, misses: int) -> None:
    lifecycle, gateway = after_preflight(
        over, OTHER, post=[lost()], get=[*(absent() for _ in range(misses)), account()]
    )
    assert lifecycle.create(declared()).customer_id == "id-1"
    assert gateway.changing == ["POST"]


@pytest.mark.parametrize("parent", [None, "somebody"])
def test_a_customer_that_the_list_could_not_show_is_not_taken_for_the_created_one(
    over: Over, parent: str | None
) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, post=[lost()], get=[account(parent=parent)])
    with pytest.raises(NotOurs, match="differs in parent from what was sent"):
        lifecycle.create(declared())
    assert gateway.changing == ["POST"]


@pytest.mark.parametrize("parent", [None, "somebody"])
def test_after_a_list_an_id_is_taken_only_of_a_customer_that_names_this_account(
    over: Over, parent: str | None, warnings: list[str]
) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, post=[account(id=None)], get=[account(parent=parent)])
    assert lifecycle.create(declared()).customer_id is None
    assert "the service returned no id" in warnings[0]
    assert gateway.changing == ["POST"]


def test_a_customer_that_the_list_lacks_and_the_service_refuses_exists_already(over: Over) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, post=[conflict()], get=[account(parent="somebody")])
    with pytest.raises(AlreadyExists):
        lifecycle.create(declared())
    assert gateway.changing == ["POST"]


def test_a_create_that_waited_after_a_list_is_rechecked_by_a_get(over: Over) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, post=[HELD], get=[account()])
    with pytest.raises(AlreadyExists):
        lifecycle.create(declared())
    assert gateway.verbs == ["POST", "GET"]


def test_the_second_create_of_a_name_in_a_run_is_preceded_by_a_get(over: Over) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, post=[unreachable()], get=[account()])
    with pytest.raises(NotSent):
        lifecycle.create(declared())
    with pytest.raises(AlreadyExists):
        lifecycle.create(declared())
    assert gateway.changing == ["POST"]


@pytest.mark.parametrize("kind", ["SLG", "MSSP"])
def test_a_deletion_is_preceded_by_a_get_whatever_the_list_shows(over: Over, kind: str) -> None:
    lifecycle, gateway = after_preflight(over, OTHER, account(), delete=[None], get=[account(), absent()])
    lifecycle.delete("acme-corp", state(type=kind))
    assert gateway.verbs == ["GET", "DELETE", "GET"]


def test_a_deletion_that_waited_finds_new_customers_below(over: Over) -> None:
    gateway = Scripted(delete=[HELD], get=[account(), account(children=1)])
    with pytest.raises(HasSubAccounts):
        over(gateway).delete("acme-corp", state())
    assert gateway.verbs == ["GET", "DELETE", "GET"]


def test_a_deletion_in_doubt_finds_new_customers_below(over: Over) -> None:
    gateway = Scripted(delete=[lost()], get=[account(), account(children=1)])
    with pytest.raises(OutcomeUnknown):
        over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]


# update


UPDATES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"organization": "Acme Ltd."}, {"organization": "Acme Ltd."}, {"organization": "Acme Ltd."}),
    ({"type": "MSSP"}, {"type": "reseller"}, {"type": "reseller"}),
    ({"status": "Trial Active"}, {"trial": True}, {"trial": True}),
    ({"data_retention": 7}, {"retention": 7}, {"data_retention": 7}),
    ({"rollup_retention": 365}, {"rollupRetention": 365}, {"rollup_retention": 365}),
    ({"contractual_flows_per_second": 9}, {"fps": 9}, {"fps": 9}),
    ({"multi_account": True}, {"type": "reseller"}, {"type": "reseller"}),
    ({"internal": True}, {"type": "staff"}, {"type": "staff"}),
]


@pytest.mark.parametrize(("changed", "body", "shown"), UPDATES, ids=lambda part: "-".join(part))
def test_each_change_is_one_complete_put(
    over: Over, changed: dict[str, Any], body: dict[str, Any], shown: dict[str, Any]
) -> None:
    gateway = Scripted(get=[account(), account(**shown)], put=[account(**shown)])
    after = over(gateway).update(state(), declared(**changed))
    assert gateway.verbs == ["TYPES", "GET", "PUT", "GET"]
    assert gateway.bodies("PUT") == [{**PUT_BODY, **body}]
    assert after == state(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"email": "b@acme.example"},
        {"given_name": "Bo"},
        {"family_name": "Day"},
        {"deletion_protection": True},
        {"adopt": "id-1"},
    ],
    ids=lambda part: "-".join(part) or "nothing",
)
def test_what_the_service_does_not_hold_is_recorded_without_a_request(over: Over, changed: dict[str, Any]) -> None:
    gateway = Scripted()
    assert over(gateway).update(state(), declared(**changed)) == state(**changed)
    assert gateway.calls == []


OPTIONAL: dict[str, Any] = {
    "contractual_flows_per_second": 5000,
    "multi_account": True,
    "internal": True,
    "deletion_protection": True,
    "adopt": "id-1",
}
SUBSETS = [subset for size in range(len(OPTIONAL) + 1) for subset in itertools.combinations(OPTIONAL.items(), size)]


@pytest.mark.parametrize("in_program", SUBSETS, ids=lambda part: "-".join(name for name, _ in part) or "none")
@pytest.mark.parametrize("service_shows_all", [True, False])
def test_a_put_resets_nothing_whatever_the_program_leaves_out(
    over: Over, in_program: tuple[tuple[str, Any], ...], service_shows_all: bool
) -> None:
    old = state(**OPTIONAL)
    live = account(type="staff", fps=5000, organization="Acme Inc.") if service_shows_all else account()
    gateway = Scripted(get=[live, live.model_copy(update={"data_retention": 90})], put=[live])
    after = over(gateway).update(old, declared(data_retention=90, **dict(in_program)))
    assert gateway.bodies("PUT") == [{**PUT_BODY, "type": "staff", "retention": 90, "fps": 5000}]
    assert after == state(**OPTIONAL, data_retention=90)


@pytest.mark.parametrize("fps", [{"live": 7}, {"known": 7}, {"live": 7, "known": 8}, {"declared": 7, "live": 8}, {}])
def test_flows_are_the_program_own_or_the_live_or_the_last_known(over: Over, fps: dict[str, int]) -> None:
    shown = account(fps=fps.get("live"), trial=True)
    old = state(contractual_flows_per_second=fps.get("known"))
    inputs = declared(status="Trial Active", contractual_flows_per_second=fps.get("declared"))
    gateway = Scripted(get=[shown, shown.model_copy(update={"fps": 7 if fps else None})], put=[shown])
    over(gateway).update(old, inputs)
    [body] = gateway.bodies("PUT")
    assert body.get("fps") == (7 if fps else None)


@pytest.mark.parametrize(
    ("old", "live"),
    [(state(customer_id=None), account()), (state(), account(id="id-2")), (state(), account(id=None))],
)
def test_no_put_without_the_id_that_the_state_holds(over: Over, old: State, live: object) -> None:
    gateway = Scripted(get=[live])
    with pytest.raises(NotOurs):
        over(gateway).update(old, declared(organization="Acme Ltd."))
    assert gateway.changing == []


@pytest.mark.parametrize("answer", [absent, portal, no_role, dead_key, lost])
def test_no_put_without_a_look(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=repeat(answer))
    with pytest.raises(type(answer()), match="Could not update the customer 'acme-corp'"):
        over(gateway).update(state(), declared(organization="Acme Ltd."))
    assert gateway.changing == []


@pytest.mark.parametrize("answer", [refused, conflict, no_role, absent, unreachable])
def test_a_put_that_is_refused_is_told_and_not_repeated(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=[account()], put=[answer()])
    with pytest.raises(type(answer())):
        over(gateway).update(state(), declared(organization="Acme Ltd."))
    assert gateway.changing == ["PUT"]


def test_a_put_in_doubt_is_sent_again_to_the_same_account_alone(over: Over) -> None:
    same = Scripted(get=[account(), account(), account()], put=[lost(), account()])
    over(same).update(state(), declared(organization="Acme Ltd."))
    assert same.changing == ["PUT", "PUT"]

    other = Scripted(get=[account(), account(id="id-2")], put=[lost()])
    with pytest.raises(OutcomeUnknown, match="The state was not changed"):
        over(other).update(state(), declared(organization="Acme Ltd."))
    assert other.changing == ["PUT"]

    gone = Scripted(get=[account(), absent()], put=[lost()])
    with pytest.raises(NotFound):
        over(gone).update(state(), declared(organization="Acme Ltd."))


@pytest.mark.parametrize("look", [lost, portal])
def test_a_put_that_stays_in_doubt_is_told_so(over: Over, look: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=itertools.chain([account()], repeat(look)), put=repeat(lost))
    with pytest.raises(OutcomeUnknown):
        over(gateway).update(state(), declared(organization="Acme Ltd."))
    assert gateway.changing == ["PUT"]

    always = Scripted(get=repeat(account), put=repeat(lost))
    with pytest.raises(OutcomeUnknown):
        over(always).update(state(), declared(organization="Acme Ltd."))
    assert always.changing == ["PUT"] * 3


def test_an_interrupt_after_a_put_in_doubt_sends_no_other(over: Over, clock: Clock) -> None:
    clock.on_wait = lambda seconds: clock.set()
    gateway = Scripted(get=[account()], put=[lost()])
    with pytest.raises(OutcomeUnknown):
        over(gateway).update(state(), declared(organization="Acme Ltd."))
    assert gateway.verbs == ["TYPES", "GET", "PUT"]


def test_a_stale_answer_after_a_put_is_waited_out(over: Over, warnings: list[str]) -> None:
    new = account(data_retention=7)
    gateway = Scripted(get=[account(), account(), account(), new], put=[account()])
    assert over(gateway).update(state(), declared(data_retention=7)).data_retention == 7
    assert gateway.changing == ["PUT"]
    assert warnings == []


def test_an_update_that_never_shows_is_told_and_what_the_service_answered_is_kept(
    over: Over, clock: Clock, warnings: list[str]
) -> None:
    started = clock.now
    gateway = Scripted(get=repeat(account), put=[account(data_retention=90)])
    after = over(gateway).update(state(), declared(data_retention=7))
    assert after.data_retention == 90
    assert warnings == ["acme-corp: the update was accepted, but the service does not show it yet."]
    assert CONSISTENCY_SECONDS <= clock.now - started <= CONSISTENCY_SECONDS + 2.1


@pytest.mark.parametrize("answer", [portal, lost, dead_key])
def test_a_write_that_cannot_be_seen_is_no_failure(
    over: Over, answer: Callable[[], FusionError], warnings: list[str]
) -> None:
    gateway = Scripted(get=[account(), answer()], put=[account(data_retention=7)])
    assert over(gateway).update(state(), declared(data_retention=7)).data_retention == 7
    assert len(warnings) == 1


def test_what_this_process_wrote_outweighs_an_older_list(over: Over) -> None:
    new = account(data_retention=7)
    gateway = Scripted(customers=[[account()]], get=[account(), new], put=[new])
    lifecycle = over(gateway)
    assert lifecycle.read("acme-corp", state()) == state()
    lifecycle.update(state(), declared(data_retention=7))
    assert lifecycle.read("acme-corp", state()) == state(data_retention=7)


# delete


def test_a_customer_is_deleted_after_a_look(over: Over) -> None:
    gateway = Scripted(get=[account(), absent()], delete=[None])
    over(gateway).delete("acme-corp", state())
    assert gateway.verbs == ["GET", "DELETE", "GET"]


def test_a_deletion_that_is_not_shown_yet_is_waited_for(over: Over) -> None:
    gateway = Scripted(get=[*[account()] * 4, absent()], delete=[None])
    over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]


def test_a_deletion_that_comes_to_nothing_is_told(over: Over, clock: Clock) -> None:
    began = clock.now
    gateway = Scripted(get=repeat(account), delete=[None])
    with pytest.raises(OutcomeUnknown, match="the deletion was accepted, but the customer is still there"):
        over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]
    assert CONSISTENCY_SECONDS <= clock.now - began <= 2 * CONSISTENCY_SECONDS


def not_found_elsewhere() -> Unrecognised:
    return Unrecognised("read the customer", "the service answered 404 with a page", status=404)


@pytest.mark.parametrize("look", [absent, lost, no_role, unreachable, not_found_elsewhere, lambda: account(id="id-2")])
def test_a_deletion_that_was_accepted_is_done_unless_it_is_seen_not_to_be(
    over: Over, look: Callable[[], object]
) -> None:
    gateway = Scripted(get=[account(), look()], delete=[None])
    over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]


def accepted(came_back: str = "it answered 204") -> InDoubt:
    return InDoubt("look up a customer", came_back, status=204)


@pytest.mark.parametrize("look", [portal, accepted])
def test_a_deletion_is_not_believed_of_whoever_answers_the_look_as_well(over: Over, look: Callable[[], object]) -> None:
    """What takes everything for done may have answered the deletion."""
    gateway = Scripted(get=itertools.chain([account()], repeat(look)), delete=[None])
    with pytest.raises(OutcomeUnknown, match="the deletion was accepted, but since then "):
        over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]

    gateway = Scripted(get=[account(), look(), absent()], delete=[None])
    over(gateway).delete("acme-corp", state())


def test_protection_is_asked_before_the_service(over: Over) -> None:
    gateway = Scripted()
    with pytest.raises(Protected, match="set deletionProtection=false, run `pulumi up`, then delete again"):
        over(gateway).delete("acme-corp", state(deletion_protection=True))
    assert gateway.calls == []


def test_gone_is_done(over: Over) -> None:
    gateway = Scripted(get=repeat(absent))
    over(gateway).delete("acme-corp", state())
    assert gateway.changing == []

    in_between = Scripted(get=[account()], delete=[absent()])
    over(in_between).delete("acme-corp", state())
    assert in_between.changing == ["DELETE"]


def test_a_look_that_lags_behind_a_create_forgets_nobody(over: Over) -> None:
    gateway = Scripted(get=[absent(), account(), absent()], delete=[None])
    over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]


@pytest.mark.parametrize(
    ("old", "live"),
    [(state(customer_id=None), account()), (state(), account(id="id-2")), (state(), account(id=None))],
)
def test_no_delete_without_the_id_that_the_state_holds(over: Over, old: State, live: object) -> None:
    gateway = Scripted(get=[live])
    with pytest.raises(NotOurs):
        over(gateway).delete("acme-corp", old)
    assert gateway.changing == []


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"children": 3, "is_parent": True}, "it has 3 customers of its own"),
        ({"children": 3, "is_parent": None}, "it has 3 customers of its own"),
        ({"children": 0, "is_parent": True}, "it has some customers of its own"),
        ({"children": None, "is_parent": True}, "it has some customers of its own"),
        ({"children": None, "is_parent": None}, "the service does not show whether it has customers of its own"),
    ],
)
def test_a_customer_with_customers_stays(over: Over, tree: dict[str, Any], told: str) -> None:
    gateway = Scripted(get=[account(**tree)])
    with pytest.raises(HasSubAccounts, match=told):
        over(gateway).delete("acme-corp", state())
    assert gateway.changing == []


COUNTED = account(children=2, is_parent=True)


@pytest.mark.parametrize("listed", [[], [account(shortname="below-corp", parent="acme-corp")]])
def test_a_count_that_is_behind_the_deletion_of_customers_is_waited_for(over: Over, listed: list[Any]) -> None:
    gateway = Scripted(get=[COUNTED, COUNTED, COUNTED, account(), absent()], delete=[None])
    gateway.below["acme-corp"] = Scripted(customers=[listed], get=[absent()])
    over(gateway).delete("acme-corp", state())
    assert gateway.verbs == ["GET", "GET", "GET", "GET", "DELETE", "GET"]


@pytest.mark.parametrize(
    ("below", "seconds"),
    [
        (Scripted(customers=[[account(shortname="below-corp", parent="acme-corp")]], get=[account()]), 0.0),
        (no_role(), COUNT_SECONDS),
        (Scripted(customers=[portal()]), COUNT_SECONDS),
        (Scripted(customers=[[account(shortname="below-corp", parent=None)]], get=[portal()]), COUNT_SECONDS),
        (Scripted(customers=[[]]), CONSISTENCY_SECONDS),
    ],
)
def test_a_count_that_stays_is_an_error_and_at_once_where_the_customers_are_seen(
    over: Over, clock: Clock, below: Any, seconds: float
) -> None:
    gateway = Scripted(get=repeat(COUNTED))
    gateway.below["acme-corp"] = below
    before = clock.now
    with pytest.raises(HasSubAccounts, match="it has 2 customers of its own"):
        over(gateway).delete("acme-corp", state())
    assert gateway.changing == []
    assert seconds <= clock.now - before <= seconds + 2.0


def test_another_customer_is_not_asked_for_its_customers(over: Over) -> None:
    gateway = Scripted(get=[account(id="id-2", children=2)])
    gateway.below["acme-corp"] = Scripted()
    with pytest.raises(NotOurs):
        over(gateway).delete("acme-corp", state())


@pytest.mark.parametrize("answer", [portal, lost, no_role, dead_key, refused, unreachable])
def test_no_delete_without_a_look(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=[answer()])
    with pytest.raises(type(answer()), match="Could not delete the customer 'acme-corp'"):
        over(gateway).delete("acme-corp", state())
    assert gateway.changing == []


def test_a_delete_in_doubt_is_looked_into(over: Over) -> None:
    done = Scripted(get=[account(), absent()], delete=[lost()])
    over(done).delete("acme-corp", state())
    assert done.changing == ["DELETE"]

    undone = Scripted(get=[account(), account(), absent()], delete=[lost(), None])
    over(undone).delete("acme-corp", state())
    assert undone.changing == ["DELETE", "DELETE"]

    anew = Scripted(get=[account(), account(id="id-2")], delete=[lost()])
    with pytest.raises(OutcomeUnknown):
        over(anew).delete("acme-corp", state())
    assert anew.changing == ["DELETE"]


@pytest.mark.parametrize("answer", [refused, conflict, no_role, dead_key, unreachable])
def test_a_delete_that_is_refused_is_told(over: Over, answer: Callable[[], FusionError]) -> None:
    gateway = Scripted(get=[account()], delete=[answer()])
    with pytest.raises(type(answer())):
        over(gateway).delete("acme-corp", state())
    assert gateway.changing == ["DELETE"]


def test_what_was_deleted_is_not_found_in_an_older_list(over: Over) -> None:
    gateway = Scripted(
        customers=[[account()]], get=itertools.chain([account()], repeat(absent)), delete=[None], post=[account()]
    )
    lifecycle = over(gateway)
    assert lifecycle.read("acme-corp", state()) == state()
    lifecycle.delete("acme-corp", state())
    assert lifecycle.read("acme-corp", state()) is None
    assert lifecycle.check(DECLARED, None).failures == []


# check, as a preview runs it


def test_a_preview_asks_once_for_all_customers(over: Over) -> None:
    gateway = Scripted(types=[[AccountType(value="customer")]], customers=[[]])
    lifecycle = over(gateway)
    for number in range(20):
        assert lifecycle.check({**DECLARED, "shortname": f"acme-{number}"}, None).failures == []
    assert sorted(gateway.verbs) == ["LIST", "TYPES"]  # both at once


def test_a_taken_shortname_shows_at_preview(over: Over) -> None:
    gateway = Scripted(customers=[[account()]])
    [failure] = over(gateway).check(DECLARED, None).failures
    assert failure.property == "shortname"
    assert failure.reason.startswith(
        "Shortname 'acme-corp' is taken by a customer that exists already (id id-1). If this"
    )
    assert "adopt='id-1'" in failure.reason


@pytest.mark.parametrize(
    ("raw", "old", "listed"),
    [
        ({}, DECLARED, account()),
        ({"adopt": "id-1"}, None, account()),
        ({"adopt": UNKNOWN}, None, account()),
        ({"adopt": "id-1"}, None, account(id=None)),
        ({"shortname": UNKNOWN}, None, account()),
        ({}, None, account(shortname="other-corp")),
    ],
    ids=["ours", "adopted", "adopted later", "id not told", "name not known yet", "another"],
)
def test_no_failure_where_the_shortname_may_be_had(
    over: Over, raw: dict[str, Any], old: dict[str, Any] | None, listed: object
) -> None:
    assert over(Scripted(customers=[[listed]])).check({**DECLARED, **raw}, old).failures == []


def test_a_taken_shortname_without_an_id_names_no_id_at_preview(over: Over) -> None:
    [failure] = over(Scripted(customers=[[account(id=None)]])).check(DECLARED, None).failures
    assert "None" not in failure.reason


def test_adopt_with_another_id_shows_at_preview(over: Over) -> None:
    [failure] = over(Scripted(customers=[[account()]])).check({**DECLARED, "adopt": "id-7"}, None).failures
    assert failure == (
        "adopt",
        "adopt names the id 'id-7', but the customer 'acme-corp' has the id 'id-1'",
    )


def test_a_preview_tells_the_rules_and_the_service_at_once(over: Over) -> None:
    gateway = Scripted(types=[[AccountType(value="gold")]], customers=[[account()]])
    told = over(gateway).check({**DECLARED, "dataRetention": 30}, None).failures
    assert [failure.property for failure in told] == ["dataRetention", "type", "shortname"]


@pytest.mark.parametrize("mode", ["auto", "required"])
@pytest.mark.parametrize("answer", [dead_key, no_role])
def test_a_credential_that_is_refused_fails_every_preview(
    over: Over, mode: str, answer: Callable[[], FusionError]
) -> None:
    for gateway in (Scripted(types=[answer()]), Scripted(customers=[answer()])):
        [failure] = over(gateway, mode=mode).check(DECLARED, None).failures
        assert failure.property == ""


@pytest.mark.parametrize("question", ["types", "customers"])
@pytest.mark.parametrize("answer", [portal, lost, unreachable, limited])
def test_a_service_that_is_down_is_a_warning_or_a_failure(
    over: Over, question: str, answer: Callable[[], FusionError], warnings: list[str]
) -> None:
    assert over(Scripted(**{question: [answer()]}), mode="auto").check(DECLARED, None).failures == []
    assert len(warnings) == 1
    [failure] = over(Scripted(**{question: [answer()]}), mode="required").check(DECLARED, None).failures
    assert failure.property == ""
    assert len(warnings) == 1


UNCHANGED = {**DECLARED, "deletionProtection": True}


def test_what_does_not_change_tries_the_credential_and_asks_nothing(over: Over) -> None:
    gateway = Scripted()
    checked = over(gateway).check(DECLARED, UNCHANGED)
    assert (checked.inputs, checked.failures) == (UNCHANGED, [])
    assert gateway.verbs == ["TOKEN"]
    assert over(gateway).check({**DECLARED, "organization": "Other Inc."}, UNCHANGED).failures == []
    assert gateway.verbs == ["TOKEN", "TYPES"]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_dead_credential_shows_although_nothing_changes(over: Over, mode: str) -> None:
    [failure] = over(Scripted(tokens=[dead_key()]), mode=mode).check(DECLARED, UNCHANGED).failures
    assert failure.property == ""


def test_a_service_that_is_down_shows_although_nothing_changes(over: Over, warnings: list[str]) -> None:
    assert over(Scripted(tokens=[unreachable()]), mode="auto").check(DECLARED, UNCHANGED).failures == []
    assert len(warnings) == 1
    [failure] = over(Scripted(tokens=[unreachable()]), mode="required").check(DECLARED, UNCHANGED).failures
    assert failure.property == ""


def test_a_preview_that_is_off_asks_nothing(over: Over, warnings: list[str]) -> None:
    gateway = Scripted()
    assert over(gateway, mode="off").check(DECLARED, None).failures == []
    assert (gateway.calls, warnings) == ([], [])


@pytest.mark.parametrize(
    ("wrong", "mode", "failing"),
    [
        (MissingSetting("reach the service", "netosecret is not set"), "auto", []),
        (MissingSetting("reach the service", "netosecret is not set"), "required", [""]),
        (SettingsError("read the netosecret", "it is no base64"), "auto", [""]),
        (SettingsError("read the netosecret", "it is no base64"), "required", [""]),
    ],
)
def test_settings_decide_whether_a_preview_asks(
    clock: Clock, wrong: SettingsError, mode: Any, failing: list[str]
) -> None:
    warned: list[str] = []

    def connect() -> Any:
        raise wrong

    lifecycle = Lifecycle(connect, mode=mode, warn=warned.append, cancelled=clock)
    assert [failure.property for failure in lifecycle.check(DECLARED, None).failures] == failing
    assert len(warned) == (0 if failing else 1)


def test_a_preview_waits_less_than_an_operation(over: Over, clock: Clock) -> None:
    started = clock.now

    def down() -> FusionError:
        clock.now += 30.0
        return DeadlineExceeded("list the account types", "it took too long")

    gateway = Scripted(types=[down])
    assert over(gateway).check(DECLARED, None).failures == []
    assert gateway._deadline is not None
    assert gateway._deadline.remaining() == 0
    assert clock.now - started == 30.0


# diff


def test_history_that_a_change_loses_is_called_out(over: Over, warnings: list[str]) -> None:
    found = over(Scripted()).diff(state(), {**DECLARED, "dataRetention": 7})
    assert [change.field for change in found] == ["data_retention"]
    assert warnings == [
        "acme-corp: Data Retention goes from 45 to 7 days: the service drops what is older than 7 days, "
        "and raising it again does not bring it back."
    ]


def test_nothing_differs_and_nothing_is_said(over: Over, warnings: list[str]) -> None:
    assert over(Scripted()).diff(state(), {**DECLARED, "deletionProtection": False}) == []
    assert warnings == []


# At random: whatever the service answers, and in whatever order


ANSWERS: list[Callable[[], object]] = [
    *[account] * 3,
    *[absent] * 4,
    lost,
    portal,
    refused,
    conflict,
    no_role,
    dead_key,
    unreachable,
    limited,
    lambda: account(id="id-2"),
    lambda: account(id=None),
    lambda: account(trial=True),
]


@pytest.mark.parametrize("seed", range(200))
def test_whatever_is_answered_the_lines_hold(over: Over, clock: Clock, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - the order of answers, the same in every run
    looks: list[object] = []

    def answer() -> object:
        looks.append(draw.choice(ANSWERS)())
        return looks[-1]

    taken: list[object] = []

    def carried_out() -> object:
        told = draw.choice(ANSWERS)() if draw.randrange(15) else HELD
        taken.extend([told] if told is not HELD else [])
        return told

    anything = repeat(carried_out)
    gateway = Scripted(get=repeat(answer), post=anything, put=anything, delete=anything)
    lifecycle = over(gateway, deadline=60.0)
    started = clock.now
    operation = draw.choice(["create", "update", "delete", "read"])
    try:
        if operation == "create":
            lifecycle.create(declared())
        elif operation == "update":
            lifecycle.update(state(), declared(organization="Acme Ltd."))
        elif operation == "delete":
            lifecycle.delete("acme-corp", state())
        elif lifecycle.read("acme-corp", state()) is None:
            assert all(isinstance(each, NotFound) for each in looks)
    except FusionError as failure:
        assert str(failure).startswith(f"Could not {operation} the customer 'acme-corp': ")
    assert clock.now - started <= 60.0
    if operation == "read":
        assert gateway.changing == []
    if operation == "create":
        assert len(taken) <= 2
    # Every request that changes something follows a look that proved absence, or that showed the id in the state.
    shown = iter(looks)
    latest: Any = None
    for verb in gateway.verbs:
        if verb == "GET":
            latest = next(shown)
        elif verb == "POST":
            assert isinstance(latest, NotFound)
        elif verb in ("PUT", "DELETE"):
            assert getattr(latest, "id", None) == "id-1"


def test_a_404_is_no_end_while_the_list_still_holds_the_customer(over: Over) -> None:
    lagging = Scripted(get=repeat(absent), customers=[[account()]], delete=[None])
    over(lagging).delete("acme-corp", state())
    assert lagging.changing == ["DELETE"]


@pytest.mark.parametrize("answer", [portal, lost, no_role])
def test_gone_needs_a_list_that_answers(over: Over, answer: Callable[[], FusionError]) -> None:
    for operate in ("read", "delete"):
        gateway = Scripted(get=repeat(absent), customers=repeat(answer()))
        with pytest.raises(type(answer()), match=f"Could not {operate} the customer 'acme-corp'"):
            getattr(over(gateway), operate)("acme-corp", state())
        assert gateway.changing == []


# What a face keeps of a create in doubt, and an import.


def in_doubt(**changed: Any) -> State:
    """What the state holds of a create whose answer was lost."""
    return State.recall({**DECLARED, "deletionProtection": False}).model_copy(update=changed)


def test_a_create_in_doubt_tells_what_the_state_has_to_keep(over: Over, clock: Clock) -> None:
    gateway = Scripted(get=itertools.chain([absent()], repeat(portal())), post=[lost()])
    with pytest.raises(OutcomeUnknown) as unknown:
        over(gateway).create(declared())
    assert unknown.value.handle == {**State.recall(declared().model_dump()).properties(), "parent": ABOVE}
    assert "customerId" not in unknown.value.handle


def test_an_update_in_doubt_tells_the_state_as_it_was(over: Over) -> None:
    gateway = Scripted(get=itertools.chain([account()], repeat(portal())), put=[lost()])
    with pytest.raises(OutcomeUnknown) as unknown:
        over(gateway).update(state(), declared(organization="Acme Ltd."), state())
    assert unknown.value.handle == state().properties()


def test_a_create_in_doubt_that_was_done_is_finished_without_a_second_post(over: Over) -> None:
    gateway = Scripted(get=[account()])
    finished = over(gateway).update(in_doubt(), declared(), in_doubt())
    assert (finished.customer_id, finished.ingest_ip, finished.email) == ("id-1", "192.0.2.1", DECLARED["email"])
    assert gateway.changing == []


def test_and_brought_in_line_with_a_program_that_changed_meanwhile(over: Over) -> None:
    changed = account(data_retention=90)
    gateway = Scripted(get=[account(), changed], put=[changed])
    finished = over(gateway).update(in_doubt(), declared(data_retention=90), in_doubt())
    assert finished.data_retention == 90
    assert gateway.changing == ["PUT"]


def test_a_create_in_doubt_that_came_to_nothing_is_made_after_a_whole_window_of_absence(
    over: Over, clock: Clock
) -> None:
    gateway = Scripted(get=repeat(absent()), post=[account()])
    assert over(gateway).update(in_doubt(), declared(), in_doubt()).customer_id == "id-1"
    assert gateway.changing == ["POST"]
    assert sum(clock.waits) >= CONSISTENCY_SECONDS


def test_a_create_in_doubt_is_not_made_anew_below_another_account(over: Over, clock: Clock) -> None:
    elsewhere = in_doubt(parent="another-msp")
    with pytest.raises(AbsenceNotProved, match="created below 'another-msp', so it may only be invisible here"):
        over(Scripted(get=repeat(absent()))).update(elsewhere, declared(), elsewhere)


def test_another_customer_under_its_name_is_left_alone(over: Over) -> None:
    gateway = Scripted(get=[account(data_retention=7)])
    with pytest.raises(NotOurs, match="differs in retention"):
        over(gateway).update(in_doubt(), declared(), in_doubt())
    assert gateway.changing == []


def test_unless_the_program_names_its_id(over: Over) -> None:
    theirs = account(data_retention=7)
    gateway = Scripted(get=[theirs, account()], put=[account()])
    finished = over(gateway).update(in_doubt(), declared(adopt="id-1"), in_doubt())
    assert finished.customer_id == "id-1"
    assert gateway.changing == ["PUT"]


def test_a_second_doubt_keeps_what_was_sent_last(over: Over, clock: Clock) -> None:
    gateway: Scripted = Scripted(get=repeat(lambda: portal() if gateway.changing else absent()), post=[lost()])
    with pytest.raises(OutcomeUnknown) as unknown:
        over(gateway).update(in_doubt(), declared(data_retention=90), in_doubt())
    assert unknown.value.handle is not None
    assert unknown.value.handle["dataRetention"] == 90
    assert gateway.changing == ["POST"]


def test_an_update_in_doubt_is_sent_again_even_if_the_program_went_back(over: Over) -> None:
    """The state shows the old name, the last inputs asked for the new one: nobody knows which of them holds."""
    gateway = Scripted(get=[account(), account()], put=[account()])
    over(gateway).update(state(), declared(), state(organization="Acme Ltd."))
    assert gateway.bodies("PUT") == [PUT_BODY]


def test_an_import_holds_what_the_service_tells_and_says_what_it_does_not(over: Over, warnings: list[str]) -> None:
    gateway = Scripted(customers=[[account(), account(shortname="other-corp", id="id-2")]])
    lifecycle = over(gateway)
    taken = lifecycle.take_in("acme-corp")
    assert taken == State(
        shortname="acme-corp",
        status="Active",
        data_retention=45,
        rollup_retention=90,
        customer_id="id-1",
        ingest_ip="192.0.2.1",
        ingest_port=2055,
        parent=ABOVE,
        node=f"{ABOVE}/acme-corp",
    )
    lifecycle.take_in("other-corp", imported=False)
    assert lifecycle.take_in("other-corp").customer_id == "id-2"
    assert (gateway.verbs, warnings) == (["LIST", "TYPES"], [])
    lifecycle.end()
    lifecycle.end()
    [warning] = warnings
    assert warning.startswith("2 customers were imported (acme-corp, other-corp). The service does not show Email, ")
    assert "Organization, Type, Contractual Flows per Second, so generated code has blanks for these" in warning


def test_what_adopted_customers_do_not_show_is_said_in_one_sentence_for_all(over: Over, warnings: list[str]) -> None:
    gateway = Scripted(get=[account(), account(shortname="other-corp", id="id-2")])
    lifecycle = over(gateway)
    lifecycle.create(declared(adopt="id-1"))
    lifecycle.create(declared(shortname="other-corp", adopt="id-2"))
    assert len(warnings) == 2
    assert set(warnings) == {
        "The service does not show Organization, Type, Contractual Flows per Second of adopted customers. What the "
        "program states is taken as true, and sent with the next update."
    }


def test_an_import_is_checked_against_itself_and_a_program_that_completes_it_changes_nothing(over: Over) -> None:
    gateway = Scripted(get=[account()])
    lifecycle = over(gateway)
    taken = lifecycle.take_in("acme-corp")
    inputs = {key: value for key, value in taken.properties().items() if key in DECLARED}
    assert lifecycle.check(inputs, inputs).failures == []
    completed = lifecycle.check(DECLARED, inputs)
    assert completed.failures == []
    assert lifecycle.diff(taken, completed.inputs) == []
    assert [change.field for change in lifecycle.diff(taken, {**completed.inputs, "dataRetention": 90})] == [
        "data_retention"
    ]
    # As the engine sends it where the program ignores changes of what the import does not show.
    assert lifecycle.check({**inputs, "dataRetention": 90}, inputs).failures == []
    another = lifecycle.check({**inputs, "shortname": "acme-new", "deletionProtection": False}, inputs).failures
    assert {failure.property for failure in another} >= {*("email", "givenName", "familyName", "organization", "type")}


@pytest.mark.parametrize(
    ("shortname", "answer", "error", "text"),
    [
        (ABOVE, None, NotOurs, "it is the account that you work in"),
        ("acme-corp", account(parent="bystander"), NotOurs, "it is a customer of 'bystander'"),
        ("acme-corp", account(id=None), NotOurs, "does not return its id"),
        ("acme-corq", absent(), NotFound, "The id of a Customer is its shortname, 5 to 16 characters"),
        ("acme-corp", no_role(), FusionError, "403"),
    ],
)
def test_an_import_that_fails_says_why(
    over: Over, shortname: str, answer: object, error: type[FusionError], text: str
) -> None:
    gateway = Scripted(get=[answer], customers=[[]])
    with pytest.raises(error, match="Could not read the customer") as failed:
        over(gateway).take_in(shortname)
    assert text in str(failed.value)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("", "must not be blank"),
        ("a/b", "may contain ASCII letters"),
        ("acme corp", "may contain ASCII letters"),
        ("acme?x=1", "may contain ASCII letters"),
        ("../../types", "may contain ASCII letters"),
        ("acme\ncorp", "must not contain control"),
        ("x" * 17, "must have 5 to 16 characters"),
        ("abcd", "must have 5 to 16 characters"),
    ],
)
def test_an_id_that_cannot_be_a_shortname_is_refused_at_once_by_the_rule(over: Over, wrong: str, rule: str) -> None:
    gateway = Scripted()
    lifecycle = over(gateway)
    for read in (lifecycle.take_in, lambda name: lifecycle.read(name, State())):
        with pytest.raises(InvalidInput, match="the id of a Customer is its shortname, which") as failed:
            read(wrong)
        assert rule in str(failed.value)
    assert gateway.calls == []


def test_an_immutable_id_is_recognized_by_the_list(over: Over) -> None:
    immutable = "f0014a8bc27e09693ad11005"
    gateway = Scripted(customers=[[account(id=immutable)]])
    lifecycle = over(gateway)
    for _ in range(2):
        with pytest.raises(InvalidInput, match="the immutable id of 'acme-corp': use that name"):
            lifecycle.take_in(immutable)
    assert gateway.verbs == ["LIST"]


def test_a_call_may_have_its_own_deadline_and_words(over: Over, clock: Clock, warnings: list[str]) -> None:
    gateway = Scripted(get=[account()])
    hints = replace(lifecycle.DYNAMIC_HINTS, adopt=lambda name, id_: f"import {name} {id_}")
    bound = over(gateway).within(deadline=7, hints=hints, warn=warnings.append)
    with pytest.raises(AlreadyExists, match="import acme-corp id-1"):
        bound.create(declared())
    gateway = Scripted(get=repeat(portal()))
    started = clock.now
    with pytest.raises(FusionError):
        over(gateway).within(deadline=7).delete("acme-corp", state())
    assert clock.now - started <= 7


@pytest.mark.parametrize(
    ("shortname", "before", "said"),
    [
        ("acme-corp", None, False),
        ("acme.corp", None, True),
        ("Acme-corp", None, True),
        ("acme-corp-", None, True),
        ("acme.corp", "acme.corp", False),
        ("acme+corp", None, False),
        (UNKNOWN, None, False),
    ],
)
def test_a_new_shortname_that_is_no_dns_label_is_called_out(
    over: Over, warnings: list[str], shortname: object, before: str | None, said: bool
) -> None:
    old = None if before is None else {**DECLARED, "shortname": before}
    over(Scripted(), mode="off").check({**DECLARED, "shortname": shortname}, old)
    assert any("no DNS label" in sentence for sentence in warnings) == said
