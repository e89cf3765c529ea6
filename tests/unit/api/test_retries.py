"""The policy of repeating, as a table: what is sent again, after which wait, and when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.api.retries import ATTEMPTS, Precondition, RateLimit, Retries, RetryQuota
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import (
    BadRequest,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    Forbidden,
    InDoubt,
    NotFound,
    NotSent,
    RateLimited,
    RequestFailed,
    Unauthorized,
    Unrecognised,
)


class Clock:
    """Time that passes when somebody waits for it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now


class FakeDeadline(Deadline):
    def __init__(self, clock: Clock, seconds: float = 300.0) -> None:
        super().__init__(seconds)
        self._clock = clock
        self._ends = clock.now + seconds

    def remaining(self) -> float:
        return max(0.0, self._ends - self._clock.now)

    def wait(self, seconds: float, attempted: str = "wait") -> None:
        self._clock.waits.append(seconds)
        self._clock.now += min(seconds, self.remaining())
        self.check(attempted)


def failed(kind: type[RequestFailed], **details: Any) -> Callable[[], RequestFailed]:
    return lambda: kind("read the customer", "it failed", **details)


def permanent() -> RequestFailed:
    return NotSent("read the customer", "TLS certificate not accepted", permanent=True)


def run(
    script: list[Callable[[], RequestFailed]],
    *,
    repeatable: bool,
    clock: Clock | None = None,
    seconds: float = 300.0,
    quota: RetryQuota | None = None,
) -> tuple[object, int]:
    """What came out of it, a value or the type of an error, and how many attempts it took."""
    clock = clock or Clock()
    attempts = 0

    def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts <= len(script):
            raise script[attempts - 1]()
        return "done"

    retries = Retries(quota or RetryQuota(), RateLimit(clock))
    try:
        return retries.run(attempt, FakeDeadline(clock, seconds), operation="read", repeatable=repeatable), attempts
    except RequestFailed as error:
        return type(error), attempts


@pytest.mark.parametrize(
    ("failure", "reading", "writing"),
    [
        (failed(NotSent), ("done", 2), ("done", 2)),
        (permanent, (NotSent, 1), (NotSent, 1)),
        (failed(InDoubt), ("done", 2), (InDoubt, 1)),
        (failed(InDoubt, status=503), ("done", 2), (InDoubt, 1)),
        (failed(Unrecognised, status=404), ("done", 2), (Unrecognised, 1)),
        (failed(RateLimited, status=429), ("done", 2), ("done", 2)),
        (failed(RateLimited, status=429, retry_after=299.0), ("done", 2), ("done", 2)),
        (failed(RateLimited, status=429, retry_after=301.0), (RateLimited, 1), (RateLimited, 1)),
        (failed(BadRequest, status=400), (BadRequest, 1), (BadRequest, 1)),
        (failed(Unauthorized, status=401), (Unauthorized, 1), (Unauthorized, 1)),
        (failed(Forbidden, status=403), (Forbidden, 1), (Forbidden, 1)),
        (failed(NotFound, status=404), (NotFound, 1), (NotFound, 1)),
        (failed(Conflict, status=409), (Conflict, 1), (Conflict, 1)),
    ],
)
def test_the_phase_decides_what_is_repeated(
    failure: Callable[[], RequestFailed], reading: tuple[object, int], writing: tuple[object, int]
) -> None:
    assert run([failure], repeatable=True) == reading
    assert run([failure], repeatable=False) == writing


def test_a_permanent_fault_is_tried_five_times_with_growing_random_waits() -> None:
    clock = Clock()
    assert run([failed(NotSent)] * 99, repeatable=False, clock=clock) == (NotSent, ATTEMPTS)
    assert len(clock.waits) == 4
    assert all(0 <= wait <= bound for wait, bound in zip(clock.waits, (0.5, 1, 2, 4), strict=True))


def steps_of(clock: Clock, script: list[Callable[[], RequestFailed]], *, limit: RateLimit | None = None) -> list[str]:
    """Return the order of rechecks and requests."""
    did: list[str] = []

    def attempt() -> None:
        did.append("sent")
        if script:
            raise script.pop(0)()

    Retries(RetryQuota(), limit or RateLimit(clock)).run(
        attempt,
        FakeDeadline(clock),
        operation="create",
        repeatable=False,
        precondition=Precondition(lambda: did.append("rechecked"), clock),
    )
    return did


def test_a_request_that_could_not_be_sent_for_a_while_is_rechecked_first() -> None:
    unavailable = failed(NotSent, retry_after=1.1)
    assert steps_of(Clock(), [unavailable]) == ["sent", "rechecked", "sent"]


def limited_by(clock: Clock, seconds: float) -> RateLimit:
    """The rate limit after a 429 that another request got."""
    limit = RateLimit(clock)
    with pytest.raises(RateLimited), limit.slot(FakeDeadline(clock), "create"):
        raise failed(RateLimited, status=429, retry_after=seconds)()
    return limit


def test_a_request_that_waited_for_a_slot_is_rechecked_first() -> None:
    clock = Clock()
    assert steps_of(clock, [], limit=limited_by(clock, 60)) == ["rechecked", "sent"]


def test_a_request_that_waited_for_a_token_is_rechecked_first() -> None:
    """While the call waits for an access token."""
    clock = Clock()
    did: list[str] = []
    precondition = Precondition(lambda: did.append("rechecked"), clock)
    clock.now += 1.1
    retries = Retries(RetryQuota(), RateLimit(clock))
    retries.run(
        lambda: did.append("sent"), FakeDeadline(clock), operation="create", repeatable=False, precondition=precondition
    )
    assert did == ["rechecked", "sent"]


@pytest.mark.parametrize(("wait", "rechecks"), [(29, 1), (31, 2)])
def test_a_recheck_is_valid_for_longer_than_a_queue_takes_and_not_forever(wait: float, rechecks: int) -> None:
    """Every request gets a slot, and none is sent after another 429 without a recheck."""
    clock = Clock()
    limit = limited_by(clock, 60)
    did: list[str] = []

    def recheck() -> None:
        did.append("rechecked")
        if len(did) == 1:
            with pytest.raises(RateLimited), limit.slot(FakeDeadline(clock), "create"):
                raise failed(RateLimited, status=429, retry_after=wait)()

    Retries(RetryQuota(), limit).run(
        lambda: did.append("sent"),
        FakeDeadline(clock),
        operation="create",
        repeatable=False,
        precondition=Precondition(recheck, clock),
    )
    assert did == ["rechecked"] * rechecks + ["sent"]


def stale(recheck: Callable[[], None], clock: Clock) -> Precondition:
    precondition = Precondition(recheck, clock)
    clock.now += 1.1
    return precondition


def test_a_recheck_does_not_widen_the_rate_limit() -> None:
    """Only a request that was sent and succeeded shows that the service accepts more."""
    clock = Clock()
    limit = limited_by(clock, 60)

    def cancel() -> None:
        raise Cancelled("create", "the operation was interrupted")

    for _ in range(10):
        with pytest.raises(Cancelled):
            Retries(RetryQuota(), limit).run(
                lambda: pytest.fail("it was sent"),
                FakeDeadline(clock),
                operation="create",
                repeatable=False,
                precondition=stale(cancel, clock),
            )
    with (
        limit.slot(FakeDeadline(clock), "read"),
        pytest.raises(DeadlineExceeded),
        limit.slot(FakeDeadline(clock, 5), "read"),
    ):
        pytest.fail("a second request was sent at the same time")


def test_two_clients_wait_for_different_times() -> None:
    first, second = Clock(), Clock()
    for clock in (first, second):
        run([failed(NotSent)] * 99, repeatable=True, clock=clock)
    assert first.waits != second.waits


def test_retry_after_is_respected() -> None:
    clock = Clock()
    assert run([failed(InDoubt, status=503, retry_after=30.0)], repeatable=True, clock=clock) == ("done", 2)
    assert clock.waits == [30.0]


@pytest.mark.parametrize("kind", [InDoubt, RateLimited])
def test_a_retry_after_beyond_the_deadline_ends_the_retries(kind: type[RequestFailed]) -> None:
    clock = Clock()
    assert run([failed(kind, status=503, retry_after=60.0)], repeatable=True, clock=clock, seconds=59) == (kind, 1)
    assert clock.waits == []


def test_repeated_429_answers_are_retried_with_growing_waits_until_the_deadline() -> None:
    clock = Clock()
    outcome, attempts = run([failed(RateLimited, status=429)] * 999, repeatable=False, clock=clock)
    assert outcome is RateLimited
    assert 15 <= attempts <= 20
    assert clock.now <= 1300.0


def test_a_retry_after_of_zero_does_not_cause_a_flood() -> None:
    _, attempts = run([failed(RateLimited, status=429, retry_after=0.0)] * 999, repeatable=True)
    assert attempts <= 20


def test_twenty_operations_of_an_outage_send_at_most_forty_requests() -> None:
    for failure, most in ((failed(InDoubt, status=503), 40), (failed(NotSent), 40), (failed(InDoubt), 30)):
        quota = RetryQuota()
        sent = sum(run([failure] * 99, repeatable=True, quota=quota)[1] for _ in range(20))
        assert 20 < sent <= most


def test_answered_requests_fill_the_quota_again() -> None:
    quota = RetryQuota()
    while run([failed(NotSent)] * 99, repeatable=True, quota=quota)[1] > 1:
        pass
    for _ in range(20):
        run([], repeatable=True, quota=quota)
        run([failed(NotFound, status=404)], repeatable=True, quota=quota)
    assert run([failed(NotSent)] * 99, repeatable=True, quota=quota) == (NotSent, ATTEMPTS)


def test_retries_that_succeed_cost_nothing_in_the_end() -> None:
    quota = RetryQuota()
    for _ in range(100):
        assert run([failed(NotSent)] * 4, repeatable=True, quota=quota) == ("done", ATTEMPTS)


def test_an_interrupt_ends_a_wait() -> None:
    deadline = Deadline(300)

    def attempt() -> None:
        deadline.cancelled.set()
        raise NotSent("read", "connection refused")

    with pytest.raises(Cancelled):
        Retries(RetryQuota(), RateLimit()).run(attempt, deadline, operation="read", repeatable=True)


def test_after_a_429_all_requests_wait_and_are_sent_one_by_one() -> None:
    clock = Clock()
    limit = RateLimit(clock)
    deadline = FakeDeadline(clock)
    with pytest.raises(RateLimited), limit.slot(deadline, "read"):
        raise RateLimited("read", "429", retry_after=7.0)
    began = clock.now
    with limit.slot(deadline, "read"):
        assert clock.now >= began + 7
        with pytest.raises(DeadlineExceeded), limit.slot(FakeDeadline(clock, 5), "read"):
            raise AssertionError("a second request was sent concurrently")
    with limit.slot(deadline, "read"), limit.slot(deadline, "read"):
        pass


def test_a_late_429_of_a_concurrent_request_does_not_lengthen_the_wait() -> None:
    clock = Clock()
    limit = RateLimit(clock)
    deadline = FakeDeadline(clock)

    def limited() -> None:
        with pytest.raises(RateLimited), limit.slot(deadline, "read"):
            raise RateLimited("read", "429")

    with pytest.raises(RateLimited), limit.slot(deadline, "read"):
        clock.now += 0.5
        limited()
        clock.now += 0.1
        raise RateLimited("read", "429")
    with limit.slot(deadline, "read"):
        assert clock.now == pytest.approx(1001.5)


def test_a_deadline_shorter_than_the_wait_raises_without_a_request() -> None:
    clock = Clock()
    limit = RateLimit(clock)
    with pytest.raises(RateLimited), limit.slot(FakeDeadline(clock), "read"):
        raise RateLimited("read", "429", retry_after=100.0)
    with (
        pytest.raises(RateLimited, match="100 s more, and only 60 s are left"),
        limit.slot(FakeDeadline(clock, 60), "r"),
    ):
        raise AssertionError("a request went out")
    assert clock.waits == []
