"""When a request is sent again: the one retry loop, the quota of retries, and the rate limit of the service.

The phase in which a request failed decides, not its status: what was not sent may be sent again with any method, what
has an unknown outcome only where a repeat does no harm, and what was rejected only after a 401 with another token. The
pause is random and grows; Retry-After makes it longer, and ends the retries if it exceeds LONGEST_WAIT or the deadline.
What calls the client, as the polls of an operation do, goes on by its own deadline. A 429 is waited out, by all
threads that share a client together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from pulumi_fusion.deadline import WORTHWHILE, Deadline, backoff
from pulumi_fusion.errors import InDoubt, NotSent, RateLimited, Rejected, RequestFailed, Unauthorized
from pulumi_fusion.forking import Lock, renew_in_child

__all__ = ["Precondition", "RateLimit", "Retries", "RetryQuota", "Throttle"]

T = TypeVar("T")

ATTEMPTS: Final = 5
LONGEST_WAIT: Final = 300.0
"""Seconds: the only window that the vendor documents ("50 requests per 300 seconds", POST /api/v1/user)."""

# Maximum age of a precondition in seconds; longer after a recheck, so that a request makes progress in a queue where
# all requests wait.
_CHECKED: Final = 1.0
_RECHECKED: Final = 30.0


class RetryQuota:
    """How much all threads together may spend on retries, so that an outage doesn't cause a flood of requests.

    A retry costs 5, or 10 after a request without an answer. A request that succeeds gives back what its own retries
    cost, and 1 more, up to ``capacity``. The scheme is that of the AWS clients
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html) with a smaller capacity: 20 requests
    of an outage become at most 40, and a single one (4 retries cost 40 at most) never exhausts it.

    Args:
        capacity: The price of all retries that may be in debt at the same time.
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
    """How fast all threads may send requests for one account, by its 429 answers.

    Without a 429 there is no limit. After one, all wait until the time that the service named, or 1 s doubling up to
    20 s where it named none or further 429 answers follow. Then one request is sent alone, and each success allows one
    more at the same time.

    Args:
        clock: Returns the time in seconds.
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
            # A request that was sent before the last 429 arrived was too early to respect it.
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


class _StaleError(Exception):
    """A precondition must be verified again, outside the slot of its request: that sends a request, too."""


class Precondition:
    """What a change relies on, such as that a shortname is available. It was verified when this is created.

    Args:
        recheck: Verifies it again; raises FusionError to keep the request from being sent.
        clock: Returns the time in seconds.
    """

    def __init__(self, recheck: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._recheck = recheck
        self._clock = clock
        self._until = clock() + _CHECKED

    def require_fresh(self) -> None:
        """Raise _StaleError if it must be verified again before the request is sent."""
        if self._clock() > self._until:
            raise _StaleError

    def recheck(self) -> None:
        """Verify it again. Raises what keeps the request from being sent."""
        self._recheck()
        self._until = self._clock() + _RECHECKED


class Retries:
    """Sends one request again as far as its phase, the deadline, the rate limit and the quota allow.

    Args:
        quota: Shared by all requests to the service.
        limit: The rate limit of the account.
    """

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
        renew: Callable[[], None] | None = None,
    ) -> T:
        """Return the first result of ``send``, which is called up to 5 times, not counting 401 and 429 answers.

        Args:
            send: Sends the request once.
            deadline: The end of the operation.
            operation: An infinitive for error texts.
            repeatable: A second request does no harm even if the first one took effect.
            precondition: Verified again before every request that is sent late or again.
            renew: Gets another access token after the first 401, which means that nothing was done.

        Raises:
            RequestFailed: What the last call raised.
            Cancelled: An interrupt ended a wait.
            FusionError: What the precondition raised; the request was not sent again.
        """
        retry = _Retry(self._quota, deadline, repeatable)
        while True:
            try:
                with self._limit.slot(deadline, operation):
                    if precondition is not None:
                        precondition.require_fresh()
                    return retry.succeeded(send())
            except _StaleError:
                pass
            except RateLimited as limited:
                # The slot waits, which costs no quota: the rate limit thins out the requests.
                seconds = limited.retry_after or 0.0
                if seconds > LONGEST_WAIT or seconds >= deadline.remaining():
                    raise
            except Rejected as rejected:
                if renew is None or not isinstance(rejected, Unauthorized):
                    retry.answered()
                    raise
                renew()
                renew = None
            except (NotSent, InDoubt) as failed:
                deadline.wait(retry.pause_after(failed), operation)
            if precondition is not None:
                precondition.recheck()


class _Retry:
    """What one request may still spend on retries."""

    def __init__(self, quota: RetryQuota, deadline: Deadline, repeatable: bool) -> None:
        self._quota = quota
        self._deadline = deadline
        self._repeatable = repeatable
        self._pauses = backoff()
        self._attempts = 1
        self._spent = 0

    def pause_after(self, failure: NotSent | InDoubt) -> float:
        """Pay for a retry and return the seconds to wait before it. Raises the failure where there is no retry."""
        allowed = self._repeatable if isinstance(failure, InDoubt) else not failure.permanent
        pause = max(next(self._pauses), failure.retry_after or 0.0)
        if not allowed or self._attempts == ATTEMPTS or pause > self._longest_pause():
            raise failure
        price = self._quota.acquire(failure)
        if not price:
            raise failure
        self._attempts += 1
        self._spent += price
        return pause

    def answered(self) -> None:
        """Give back to the quota what was spent: the service works."""
        self._quota.release(self._spent)

    def succeeded(self, result: T) -> T:
        """Return the result, after what was spent was given back."""
        self.answered()
        return result

    def _longest_pause(self) -> float:
        return min(LONGEST_WAIT, self._deadline.remaining() - WORTHWHILE)


class Throttle:
    """What all clients of one service in a program share: the retry quota, and the rate limit of each account."""

    def __init__(self) -> None:
        self._quota = RetryQuota()
        self._limits: dict[str, RateLimit] = {}

    def retries(self, account: str) -> Retries:
        """Return the retries of requests that act in an account."""
        # setdefault is atomic: threads that call this at once get the same one without a lock.
        return Retries(self._quota, self._limits.setdefault(account, RateLimit()))
