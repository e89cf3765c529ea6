"""The limit on deletions: what uses it up, and what is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import Cancelled, DeadlineExceeded, FusionError, OutcomeUnknown, TooManyDeletes
from pulumi_fusion.operations.deletions import NO_LIMIT, Deletions, Limit
from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.unit.operations.failures import conflict, connection_lost, forbidden, not_found, not_sent
from tests.unit.operations.scripted import DELAYED, Clock, ScriptedService
from tests.unit.samples import account, state

Make = Callable[..., Lifecycle]

ONE = Limit(1, "environment variable FUSION_MAX_DELETES")


def deleting(lifecycle: Make, service: ScriptedService, deletions: Deletions, limit: Limit = ONE) -> None:
    lifecycle(service, deletions=deletions, deletion_limit=lambda: limit).delete("acme-corp", state())


def succeeding() -> ScriptedService:
    return ScriptedService(get=[account(), not_found], delete=[None])


def require_used(lifecycle: Make, deletions: Deletions) -> str:
    """Fail unless the one deletion was used; return the error."""
    service = ScriptedService()
    with pytest.raises(TooManyDeletes) as raised:
        deleting(lifecycle, service, deletions)
    assert service.calls == []
    return str(raised.value)


def test_the_deletion_that_exceeds_the_limit_sends_nothing(lifecycle: Make) -> None:
    deletions = Deletions()
    deleting(lifecycle, succeeding(), deletions)
    assert require_used(lifecycle, deletions) == (
        "Could not delete the customer 'acme-corp': environment variable FUSION_MAX_DELETES allows 1 deletion in "
        "one run, and this run has already deleted 1. Nothing was sent for this customer. Check in a preview what "
        "would be deleted. If all of it is intended, allow more with fusion:maxDeletes or FUSION_MAX_DELETES and run "
        "it again."
    )


@pytest.mark.parametrize(
    ("most", "expected"),
    [(0, "allows no deletion in one run, and this run has already deleted 0"), (2, "allows 2 deletions in one run")],
)
def test_the_message_has_the_number(lifecycle: Make, most: int, expected: str) -> None:
    deletions, limit = Deletions(), Limit(most, "x")
    for _ in range(most):
        deleting(lifecycle, succeeding(), deletions, limit)
    with pytest.raises(TooManyDeletes, match=expected):
        deleting(lifecycle, ScriptedService(), deletions, limit)


def test_without_a_limit_nothing_is_counted(lifecycle: Make) -> None:
    deletions = Deletions()
    for _ in range(3):
        deleting(lifecycle, succeeding(), deletions, NO_LIMIT)
    deleting(lifecycle, succeeding(), deletions)


@pytest.mark.parametrize(
    "service",
    [
        ScriptedService(get=[not_found]),
        ScriptedService(get=[account()], delete=[forbidden]),
        ScriptedService(get=[account()], delete=[conflict]),
        ScriptedService(get=[account()], delete=[not_sent]),
        ScriptedService(get=[account(id="id-2")]),
        ScriptedService(get=[account(children=1)]),
        ScriptedService(get=[account(), account(id="id-2")], delete=[DELAYED]),
        ScriptedService(get=[forbidden]),
    ],
    ids=["gone", "403", "409", "not sent", "another id", "children", "delayed", "GET fails"],
)
def test_a_deletion_that_the_service_did_not_process_does_not_count(lifecycle: Make, service: ScriptedService) -> None:
    deletions = Deletions()
    try:
        deleting(lifecycle, service, deletions)
    except FusionError as failure:
        assert not isinstance(failure, (TooManyDeletes, OutcomeUnknown))
    deleting(lifecycle, succeeding(), deletions)
    require_used(lifecycle, deletions)


@pytest.mark.parametrize(
    "service",
    [
        ScriptedService(get=[account()], delete=[None]),
        ScriptedService(get=[account(), forbidden], delete=[connection_lost]),
        ScriptedService(get=[account(), account()], delete=[connection_lost, forbidden]),
    ],
    ids=["no effect", "lost", "lost, then refused"],
)
def test_a_deletion_with_an_unknown_outcome_counts(lifecycle: Make, service: ScriptedService) -> None:
    deletions = Deletions()
    with pytest.raises(OutcomeUnknown):
        deleting(lifecycle, service, deletions)
    assert "this run has already deleted 0, and may have deleted 1 more" in require_used(lifecycle, deletions)


def test_a_deletion_that_is_answered_by_a_404_counts(lifecycle: Make) -> None:
    """A proxy may have repeated it."""
    deletions = Deletions()
    deleting(lifecycle, ScriptedService(get=[account()], delete=[not_found]), deletions)
    require_used(lifecycle, deletions)


def test_a_deletion_whose_lost_request_was_processed_counts_once(lifecycle: Make) -> None:
    deletions, two = Deletions(), Limit(2, "x")
    repeated = ScriptedService(get=[account(), account(), not_found], delete=[connection_lost, None])
    deleting(lifecycle, repeated, deletions, two)
    deleting(lifecycle, ScriptedService(get=[account(), not_found], delete=[connection_lost]), deletions, two)
    with pytest.raises(TooManyDeletes, match="has already deleted 2"):
        deleting(lifecycle, ScriptedService(), deletions, two)


def test_a_limit_that_cannot_be_read_fails_before_any_request(lifecycle: Make) -> None:
    def limit() -> Limit:
        raise FusionError("read the settings", "it is wrong")

    service = ScriptedService()
    with pytest.raises(FusionError, match="Could not delete the customer 'acme-corp': it is wrong"):
        lifecycle(service, deletion_limit=limit).delete("acme-corp", state())
    assert service.calls == []


def test_a_deletion_waits_for_those_that_may_not_need_their_place(clock: Clock) -> None:
    deletions = Deletions()
    with ExitStack() as first:
        first.enter_context(deletions.reserve(ONE, Deadline(9)))
        clock.on_wait = lambda seconds: first.close()
        with deletions.reserve(ONE, Deadline(9, cancelled=clock)) as note_sent:
            note_sent()
    assert len(clock.waits) == 1
    with pytest.raises(TooManyDeletes), deletions.reserve(ONE, Deadline(9)):
        pass


@pytest.mark.parametrize(("seconds", "is_cancelled", "error"), [(9, True, Cancelled), (1, False, DeadlineExceeded)])
def test_the_wait_ends_with_the_operation(
    clock: Clock, seconds: float, is_cancelled: bool, error: type[FusionError]
) -> None:
    deletions = Deletions()
    with deletions.reserve(ONE, Deadline(9)):
        if is_cancelled:
            clock.set()
        with pytest.raises(error), deletions.reserve(ONE, Deadline(seconds, cancelled=clock)):
            pass
    with deletions.reserve(ONE, Deadline(9)):
        pass


def test_many_threads_delete_as_many_as_are_allowed() -> None:
    """Every third deletion isn't processed and gives its place back."""
    deletions, limit = Deletions(), Limit(7, "x")
    start = threading.Barrier(30)
    sent: list[int] = []
    refused: list[int] = []

    def delete(number: int) -> None:
        start.wait(60)
        try:
            with deletions.reserve(limit, Deadline(60)) as note_sent:
                time.sleep(0.001)
                if number % 3:
                    sent.append(number)
                    note_sent()
        except TooManyDeletes:
            refused.append(number)

    threads = [threading.Thread(target=delete, args=(number,)) for number in range(30)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert len(sent) == 7
    assert len(refused) >= 20 - 7
