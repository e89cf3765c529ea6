"""The one policy of repeating: what may be sent again, when, and how often.

The phase of a failure decides, never its status or text: what was not sent may be sent again with any verb,
what is in doubt only where a repeat does no harm, what was rejected not at all. 429 is apart: it is waited
out, by all threads of the process together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from pulumi_fusion.api.transport import Late
from pulumi_fusion.deadline import WORTHWHILE, Deadline, backoff
from pulumi_fusion.errors import InDoubt, NotSent, RateLimited, Rejected, RequestFailed
from pulumi_fusion.forking import Lock, renew_in_child

__all__ = ["Budget", "Pace", "Proof", "Retries", "retries_for"]

T = TypeVar("T")

ATTEMPTS: Final = 5
LONGEST_WAIT: Final = 300.0
"""Seconds: the one window that the vendor documents ("50 requests per 300 seconds", POST /api/v1/user)."""

# Seconds that a request may wait, for a token, its turn or a connection, before what it relies on is looked at again;
# and once that was done, longer, so that a queue in which all others wait too lets it through.
_PROVED: Final = 1.0
_LOOKED: Final = 30.0


class Budget:
    """What all threads together may spend on repeats, so that an outage is not answered with a flood.

    A repeat costs 5, after silence 10; a request that succeeds gives back what its own repeats cost and 1 more,
    up to 100. The scheme is that of the AWS clients
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html) with a smaller purse:
    100 / 5 = 20 repeats, so that 20 requests of an outage become at most 40, while a single one (4 repeats cost 40
    at most) never comes near the end.
    """

    def __init__(self, capacity: int = 100) -> None:
        self._capacity = capacity
        self._left = capacity
        self._lock = Lock()

    def spend(self, failure: RequestFailed) -> int:
        """The price of a repeat after this failure, which is paid; 0 if it cannot be afforded."""
        silence = isinstance(failure, InDoubt) and failure.status is None
        price = 10 if silence else 5
        with self._lock:
            if price > self._left:
                return 0
            self._left -= price
            return price

    def earn(self, spent: int) -> None:
        """A request was answered after ``spent`` on its repeats."""
        with self._lock:
            self._left = min(self._capacity, self._left + spent + 1)


class Pace:
    """How fast all threads of the process may ask for one account, as its 429 answers tell.

    Without a 429 nothing is held back. After one, everybody waits until the time that the service named, or
    1 s doubling up to 20 s where it named none or the answers go on; then one request goes alone, and every
    success lets one more go at the same time, until the crowd is through.
    """

    _FIRST, _LAST, _CROWD = 1.0, 20.0, 32
    _TURN = 0.1  # seconds between looks for a free turn

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._held_at = float("-inf")
        self._step = self._FIRST
        self._abreast: int | None = None
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Keep the pace; the requests under way are the parent's, and nothing here would ever count their end."""
        self._lock = threading.Lock()
        self._under_way = 0

    @contextmanager
    def turn(self, deadline: Deadline, operation: str) -> Iterator[None]:
        """Wait for a turn and hold it. Raises RateLimited at once if the wait would outlast the deadline."""
        started = self._start(deadline, operation)
        try:
            yield
        except RateLimited as answer:
            self._hold(answer.retry_after, started)
            raise
        except Rejected:
            self._widen()
            raise
        else:
            self._widen()
        finally:
            with self._lock:
                self._under_way = max(0, self._under_way - 1)

    def _start(self, deadline: Deadline, operation: str) -> float:
        while True:
            with self._lock:
                now = self._clock()
                wait = self._until - now
                if wait <= 0 and (self._abreast is None or self._under_way < self._abreast):
                    self._under_way += 1
                    return now
            if wait >= deadline.remaining() > 0:
                raise RateLimited(
                    operation,
                    f"the service asked this program to wait {wait:.0f} s more, and only "
                    f"{deadline.remaining():.0f} s are left",
                    status=429,
                    retry_after=wait,
                )
            deadline.wait(max(wait, self._TURN), operation)

    def _hold(self, asked: float | None, started: float) -> None:
        with self._lock:
            now = self._clock()
            # Answers to requests that left before the last 429 came say nothing new about how long to wait.
            fresh = started >= self._held_at
            wait = max(asked or 0.0, self._step if fresh else 0.0)
            self._until = max(self._until, now + min(wait, LONGEST_WAIT))
            if fresh:
                self._held_at = now
                self._step = min(self._LAST, self._step * 2)
            self._abreast = 1

    def _widen(self) -> None:
        with self._lock:
            if self._abreast is None:
                return
            self._abreast += 1
            if self._abreast > self._CROWD:
                self._abreast, self._step = None, self._FIRST


class Proof:
    """That what a request relies on was proved a moment ago; and how it is proved anew: ``look_again``, which raises
    what keeps the request back.
    """

    def __init__(self, look_again: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._look_again = look_again
        self._clock = clock
        self.until = clock() + _PROVED
        """The moment of the clock until which the request may be sent."""

    def require(self, operation: str) -> None:
        """Raises Late once that moment is over."""
        if self._clock() > self.until:
            raise Late(operation, "it waited too long for its turn")

    def renew(self) -> None:
        """Look again. Raises what ``look_again`` raises."""
        self._look_again()
        self.until = self._clock() + _LOOKED


class Retries:
    """Repeats one request as far as its phase, the deadline, the pace and the budget allow."""

    def __init__(self, budget: Budget, pace: Pace) -> None:
        self._budget = budget
        self._pace = pace

    def run(
        self,
        attempt: Callable[[], T],
        deadline: Deadline,
        *,
        operation: str,
        repeatable: bool,
        proof: Proof | None = None,
    ) -> T:
        """The first result of ``attempt``, called up to 5 times, 429 not counted.

        ``operation`` is an infinitive for error texts; ``repeatable`` says that a repeat does no harm even if
        the first one was done; the ``proof`` is renewed after the wait for a 429, and where it ended before the turn
        of the request.
        Raises what the last attempt raised, at once when a repeat is not allowed or would wait past the
        deadline, and Cancelled when an interrupt ends a wait.
        """

        spent = 0
        pauses = backoff()

        def give_up(state: RetryCallState) -> bool:
            nonlocal spent
            longest = min(LONGEST_WAIT, deadline.remaining() - WORTHWHILE)
            if state.attempt_number >= ATTEMPTS or state.upcoming_sleep > longest:
                return True
            price = self._budget.spend(_failure(state))
            spent += price
            return price == 0

        policy = Retrying(
            retry=retry_if_exception(lambda failure: _may_repeat(failure, repeatable)),
            wait=lambda state: max(next(pauses), _failure(state).retry_after or 0.0),
            stop=give_up,
            sleep=lambda seconds: deadline.wait(seconds, operation),
            reraise=True,
        )
        try:
            result: T = policy(self._patiently, attempt, deadline, operation, proof)
        except Rejected:
            self._budget.earn(spent)  # a clear no is a service that works
            raise
        self._budget.earn(spent)
        return result

    def _patiently(self, attempt: Callable[[], T], deadline: Deadline, operation: str, proof: Proof | None) -> T:
        """Wait out any 429, which costs nothing of the budget: the pace already thins out the requests. Nor does it
        cost anything that a proof grew old meanwhile.
        """
        while True:
            try:
                with self._pace.turn(deadline, operation):
                    if proof is not None:
                        proof.require(operation)
                    return attempt()
            except RateLimited as answer:
                asked = answer.retry_after or 0.0
                if asked > LONGEST_WAIT or asked >= deadline.remaining():
                    raise
            except Late:
                pass
            if proof is not None:
                proof.renew()


def _may_repeat(failure: BaseException, repeatable: bool) -> bool:
    if isinstance(failure, NotSent):
        return not failure.lasting
    return isinstance(failure, InDoubt) and repeatable


def _failure(state: RetryCallState) -> RequestFailed:
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, RequestFailed):
        raise TypeError("only failed requests are repeated")
    return failure


_budgets: Final[dict[str, Budget]] = {}
_paces: Final[dict[tuple[str, str], Pace]] = {}


def retries_for(base_url: str, account: str) -> Retries:
    """The policy with the budget that this process has for a host and the pace of one account there."""
    # Each setdefault is one step: threads that ask at once get the same one without a lock.
    return Retries(_budgets.setdefault(base_url, Budget()), _paces.setdefault((base_url, account), Pace()))
