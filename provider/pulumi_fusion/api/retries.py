"""When a request is sent again: the one retry loop, the quota of retries, and the rate limit of the service.

The phase in which a request failed decides, not its status: what was not sent may be sent again with any method, what
has an unknown outcome only where a repeat does no harm, and what was rejected not at all. A 429 is waited out, by all
threads of the process together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from pulumi_fusion.deadline import WORTHWHILE, Deadline, backoff
from pulumi_fusion.errors import InDoubt, NotSent, RateLimited, Rejected, RequestFailed
from pulumi_fusion.forking import Lock, renew_in_child

__all__ = ["Precondition", "RateLimit", "Retries", "RetryQuota", "retries_for"]

T = TypeVar("T")

ATTEMPTS: Final = 5
LONGEST_WAIT: Final = 300.0
"""Seconds: the only window that the vendor documents ("50 requests per 300 seconds", POST /api/v1/user)."""

# Seconds for which a precondition counts as checked. After a recheck it is longer, so that a request in a queue where
# all requests wait is sent in the end.
_CHECKED: Final = 1.0
_RECHECKED: Final = 30.0


class RetryQuota:
    """How much all threads together may spend on retries, so that an outage doesn't cause a flood of requests.

    A retry costs 5, or 10 after a request without an answer. A request that succeeds gives back what its own retries
    cost, and 1 more, up to ``capacity``. The scheme is that of the AWS clients
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html) with a smaller capacity: 20 requests
    of an outage become at most 40, and a single one (4 retries cost 40 at most) never exhausts it.
    """

    def __init__(self, capacity: int = 100) -> None:
        self._capacity = capacity
        self._left = capacity
        self._lock = Lock()

    def acquire(self, failure: RequestFailed) -> int:
        """Pay for a retry after this failure and return its price, 0 if the quota does not suffice."""
        unanswered = isinstance(failure, InDoubt) and failure.status is None
        price = 10 if unanswered else 5
        with self._lock:
            if price > self._left:
                return 0
            self._left -= price
            return price

    def release(self, spent: int) -> None:
        """Give back what an answered request spent on its retries."""
        with self._lock:
            self._left = min(self._capacity, self._left + spent + 1)


class RateLimit:
    """How fast all threads of the process may send requests for one account, as its 429 answers say.

    Without a 429 there is no limit. After one, all wait until the time that the service named, or 1 s doubling up to
    20 s where it named none or further 429 answers follow. Then one request is sent alone, and each success allows one
    more at the same time.
    """

    _FIRST, _LAST, _UNLIMITED = 1.0, 20.0, 32
    _POLL = 0.1  # seconds between two checks for a free slot

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._limited_at = float("-inf")
        self._step = self._FIRST
        self._slots: int | None = None
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Keep the limit; the requests in flight are the parent's."""
        self._lock = threading.Lock()
        self._in_flight = 0

    @contextmanager
    def slot(self, deadline: Deadline, operation: str) -> Iterator[None]:
        """Wait for a slot and occupy it.

        Raises:
            RateLimited: The wait would outlast the deadline.
            Cancelled, DeadlineExceeded: The wait was interrupted.
        """
        started = self._start(deadline, operation)
        try:
            yield
        except RateLimited as answer:
            self._limit(answer.retry_after, started)
            raise
        except Rejected:
            self._widen()
            raise
        else:
            self._widen()
        finally:
            with self._lock:
                self._in_flight = max(0, self._in_flight - 1)

    def _start(self, deadline: Deadline, operation: str) -> float:
        while True:
            with self._lock:
                now = self._clock()
                wait = self._until - now
                if wait <= 0 and (self._slots is None or self._in_flight < self._slots):
                    self._in_flight += 1
                    return now
            if wait >= deadline.remaining() > 0:
                raise RateLimited(
                    operation,
                    f"the service asked this program to wait {wait:.0f} s more, and only "
                    f"{deadline.remaining():.0f} s are left",
                    status=429,
                    retry_after=wait,
                )
            deadline.wait(max(wait, self._POLL), operation)

    def _limit(self, asked: float | None, started: float) -> None:
        with self._lock:
            now = self._clock()
            # The answer to a request that was sent before the last 429 came says nothing new.
            is_new = started >= self._limited_at
            wait = max(asked or 0.0, self._step if is_new else 0.0)
            self._until = max(self._until, now + min(wait, LONGEST_WAIT))
            if is_new:
                self._limited_at = now
                self._step = min(self._LAST, self._step * 2)
            self._slots = 1

    def _widen(self) -> None:
        with self._lock:
            if self._slots is None:
                return
            self._slots += 1
            if self._slots > self._UNLIMITED:
                self._slots, self._step = None, self._FIRST


class Precondition:
    """What a change relies on, such as that a shortname is available; it was checked when this is made.

    ``recheck`` raises what keeps the request from being sent.
    """

    def __init__(self, recheck: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._recheck = recheck
        self._clock = clock
        self._until = clock() + _CHECKED

    def is_stale(self) -> bool:
        """Return whether it must be checked again before the request is sent."""
        return self._clock() > self._until

    def recheck(self) -> None:
        """Check it again."""
        self._recheck()
        self._until = self._clock() + _RECHECKED


class Retries:
    """Sends one request again as far as its phase, the deadline, the rate limit and the quota allow."""

    def __init__(self, quota: RetryQuota, limit: RateLimit) -> None:
        self._quota = quota
        self._limit = limit

    def run(
        self,
        send: Callable[[], T],
        deadline: Deadline,
        *,
        operation: str,
        repeatable: bool,
        precondition: Precondition | None = None,
    ) -> T:
        """Return the first result of ``send``, which is called up to 5 times, not counting 429 answers.

        Args:
            operation: An infinitive for error texts.
            repeatable: A repeat does no harm even if the first request took effect.
            precondition: Rechecked before a request that is sent late, or again after a 429.

        Raises:
            RequestFailed: What the last call raised.
            Cancelled: An interrupt ended a wait.
        """
        spent, pauses = 0, backoff()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                result = self._send_in_slot(send, deadline, operation, precondition)
            except Rejected:
                self._quota.release(spent)  # the service works
                raise
            except (NotSent, InDoubt) as failure:
                pause = max(next(pauses), failure.retry_after or 0.0)
                longest = min(LONGEST_WAIT, deadline.remaining() - WORTHWHILE)
                if attempt == ATTEMPTS or pause > longest or not _may_repeat(failure, repeatable):
                    raise
                price = self._quota.acquire(failure)
                if not price:
                    raise
                spent += price
                deadline.wait(pause, operation)
            else:
                break
        self._quota.release(spent)
        return result

    def _send_in_slot(
        self, send: Callable[[], T], deadline: Deadline, operation: str, precondition: Precondition | None
    ) -> T:
        """Wait out every 429. That costs no quota, since the rate limit thins out the requests."""
        while True:
            try:
                with self._limit.slot(deadline, operation):
                    if precondition is None or not precondition.is_stale():
                        return send()
            except RateLimited as answer:
                asked = answer.retry_after or 0.0
                if asked > LONGEST_WAIT or asked >= deadline.remaining():
                    raise
            if precondition is not None:
                precondition.recheck()


def _may_repeat(failure: NotSent | InDoubt, repeatable: bool) -> bool:
    return repeatable if isinstance(failure, InDoubt) else not failure.lasting


_quotas: Final[dict[str, RetryQuota]] = {}
_limits: Final[dict[tuple[str, str], RateLimit]] = {}


def retries_for(base_url: str, account: str) -> Retries:
    """Return the retries with this process's quota for a host and its rate limit for one account there."""
    # Each setdefault is atomic: threads that call this at once get the same one without a lock.
    return Retries(_quotas.setdefault(base_url, RetryQuota()), _limits.setdefault((base_url, account), RateLimit()))
