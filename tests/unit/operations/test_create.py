"""Create: no POST without confirmed absence, one POST, and what a refused or delayed POST means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pulumi_fusion.customer.model import AccountType
from pulumi_fusion.errors import (
    AbsenceNotProved,
    AlreadyExists,
    Cancelled,
    FusionError,
    InvalidInput,
    MissingSetting,
    OutcomeUnknown,
)
from pulumi_fusion.operations.lifecycle import DYNAMIC_HINTS, Lifecycle
from pulumi_fusion.operations.operation import CONSISTENCY_SECONDS
from tests.unit.operations.failures import (
    bad_request,
    conflict,
    connection_lost,
    forbidden,
    html_page,
    not_found,
    not_sent,
    rate_limited,
    unauthorized,
)
from tests.unit.operations.scripted import DELAYED, Clock, ScriptedService
from tests.unit.samples import POSTED, account, declared, state

Make = Callable[..., Lifecycle]
Failure = Callable[[], FusionError]


def test_create_confirms_absence_and_sends_one_post(lifecycle: Make, warnings: list[str]) -> None:
    service = ScriptedService(get=[not_found], post=[account()])
    created = lifecycle(service).create(declared())
    assert service.verbs == ["TYPES", "GET", "POST"]
    assert service.bodies("POST") == [POSTED]
    assert created == state(deletion_protection=None)
    assert warnings == []


def test_create_of_a_taken_shortname_sends_no_post(lifecycle: Make) -> None:
    service = ScriptedService(get=[account()])
    with pytest.raises(AlreadyExists) as raised:
        lifecycle(service).create(declared())
    assert service.changing == []
    assert raised.value.customer_id == "id-1"
    assert str(raised.value) == (
        "Could not create the customer 'acme-corp': a customer with this shortname exists already (id id-1). "
        "If this resource was renamed or moved, add its previous URN (`pulumi stack --show-urns`) to its options, as "
        'in opts=pulumi.ResourceOptions(aliases=["<previous URN>"]), or use `pulumi state rename` or '
        "`pulumi state move`. It isn't adopted automatically. If no stack manages it, set adopt='id-1' on this "
        "Customer and run `pulumi up`; otherwise choose another shortname."
    )


def test_error_for_a_taken_shortname_without_an_id_names_no_id(lifecycle: Make) -> None:
    with pytest.raises(AlreadyExists) as raised:
        lifecycle(ScriptedService(get=[account(id=None)])).create(declared())
    assert "None" not in str(raised.value)
    assert "adopt with its immutable id" in str(raised.value)


def test_create_uses_the_hints_of_the_frontend(lifecycle: Make) -> None:
    hints = replace(DYNAMIC_HINTS, adopt=lambda name, id_: f"import {name} {id_}")
    with pytest.raises(AlreadyExists, match="import acme-corp id-1"):
        lifecycle(ScriptedService(get=[account()])).within(hints=hints).create(declared())


@pytest.mark.parametrize(
    "failure",
    [
        bad_request,
        forbidden,
        unauthorized,
        connection_lost,
        html_page,
        conflict,
        not_sent,
        rate_limited,
    ],
)
def test_create_sends_no_post_unless_absence_is_confirmed(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[failure])
    with pytest.raises(FusionError) as raised:
        lifecycle(service).create(declared())
    assert service.changing == []
    assert isinstance(raised.value, AbsenceNotProved if failure is bad_request else type(failure()))
    assert str(raised.value).startswith("Could not create the customer 'acme-corp': ")


@pytest.mark.parametrize("failure", [not_sent, rate_limited])
def test_create_raises_the_failure_of_a_post_that_was_not_carried_out(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[not_found], post=[failure])
    with pytest.raises(type(failure())):
        lifecycle(service).create(declared())
    assert service.verbs == ["TYPES", "GET", "POST"]


@pytest.mark.parametrize("failure", [bad_request, conflict, forbidden, unauthorized, not_found])
def test_a_rejected_post_is_followed_by_a_get(lifecycle: Make, failure: Failure) -> None:
    taken = ScriptedService(get=[not_found, account(id="id-9")], post=[failure])
    with pytest.raises(AlreadyExists) as raised:
        lifecycle(taken).create(declared())
    assert raised.value.customer_id == "id-9"

    free = ScriptedService(get=[not_found], post=[failure])
    with pytest.raises(type(failure())):
        lifecycle(free).create(declared())
    assert free.changing == ["POST"]


def test_a_delayed_post_is_sent_only_while_the_shortname_is_available(lifecycle: Make) -> None:
    free = ScriptedService(get=[not_found], post=[DELAYED, account()])
    assert lifecycle(free).create(declared()).customer_id == "id-1"
    assert free.verbs == ["TYPES", "GET", "POST", "GET", "POST"]

    taken = ScriptedService(get=[not_found, account(id="id-9")], post=[DELAYED])
    with pytest.raises(AlreadyExists, match="adopt='id-9'"):
        lifecycle(taken).create(declared())
    assert taken.changing == ["POST"]


@pytest.mark.parametrize(
    "failure",
    [
        bad_request,
        forbidden,
        unauthorized,
        connection_lost,
        html_page,
        conflict,
        not_sent,
        rate_limited,
    ],
)
def test_a_delayed_post_is_not_sent_unless_absence_is_confirmed_again(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[not_found, [failure, not_found]], post=[DELAYED])
    with pytest.raises(AbsenceNotProved, match="Could not create the customer 'acme-corp'"):
        lifecycle(service).create(declared())
    assert service.changing == ["POST"]


@pytest.mark.parametrize("moment", ["before the GET", "before the POST", "while polling", "at the end of polling"])
def test_no_post_is_sent_after_an_interrupt(lifecycle: Make, clock: Clock, moment: str) -> None:
    posts: list[float] = []

    def get() -> FusionError:
        at_the_end = posts and clock.now - posts[0] >= CONSISTENCY_SECONDS
        if moment == "before the POST" or (posts and moment == "while polling") or at_the_end:
            clock.set()
        return not_found()

    def post() -> FusionError:
        assert not clock.is_set()
        posts.append(clock.now)
        return connection_lost()

    if moment == "before the GET":
        clock.set()
    service = ScriptedService(get=[get], post=[post, post])
    with pytest.raises((Cancelled, OutcomeUnknown)) as raised:
        lifecycle(service).create(declared())
    assert isinstance(raised.value, Cancelled) == moment.startswith("before")
    assert len(posts) == (0 if moment.startswith("before") else 1)


def test_create_reads_the_id_that_the_answer_lacks(lifecycle: Make, warnings: list[str]) -> None:
    service = ScriptedService(get=[not_found, [not_found, account()]], post=[account(id=None)])
    assert lifecycle(service).create(declared()).customer_id == "id-1"
    assert service.changing == ["POST"]
    assert warnings == []


@pytest.mark.parametrize(
    "answer",
    [account(id=None), account(trial=True), not_found, html_page, Cancelled("x", "y")],
    ids=["no id", "differs", "not found", "page", "interrupted"],
)
def test_create_succeeds_without_an_id_where_the_service_shows_none(
    lifecycle: Make, answer: object, warnings: list[str]
) -> None:
    service = ScriptedService(get=[not_found, answer], post=[account(id=None)])
    created = lifecycle(service, deadline=20.0).create(declared())
    assert created.shortname == "acme-corp"
    assert created.customer_id is None
    assert service.changing == ["POST"]
    [warning] = warnings
    assert warning == "acme-corp: it was created, but the service returned no id; `pulumi refresh` records it."


def test_create_with_a_type_that_the_service_does_not_know_sends_nothing(lifecycle: Make) -> None:
    service = ScriptedService()
    with pytest.raises(InvalidInput, match="does not know the type 'gold'"):
        lifecycle(service).create(declared(type="gold"))
    assert service.verbs == ["TYPES"]


@pytest.mark.parametrize("failure", [bad_request, forbidden, not_found])
def test_create_uses_the_built_in_types_where_the_service_lists_none(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(types=[failure], get=[not_found], post=[account()])
    lifecycle(service).create(declared(type="MSSP"))
    assert service.bodies("POST")[0]["type"] == "reseller"


def test_create_sends_the_type_that_the_service_lists(lifecycle: Make) -> None:
    listed: list[Any] = [AccountType(value="client", label="SLG")]
    service = ScriptedService(types=[listed], get=[not_found], post=[account()])
    lifecycle(service).create(declared())
    assert service.bodies("POST")[0]["type"] == "client"


def test_error_for_a_missing_setting_names_the_operation(clock: Clock) -> None:
    def connect() -> Any:
        raise MissingSetting("reach the service", "netosecret is not set")

    with pytest.raises(MissingSetting, match="Could not create the customer 'acme-corp': netosecret is not set"):
        Lifecycle.of_run(connect, cancelled=clock).create(declared())
