"""One request for many threads: one thread sends it, the others wait for its result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Final, Generic, TypeVar

from pulumi_fusion.deadline import WORTHWHILE, Deadline
from pulumi_fusion.errors import Cancelled, DeadlineExceeded, FusionError, RequestFailed
from pulumi_fusion.forking import renew_in_child

__all__ = ["SingleFlight"]

T = TypeVar("T")

# Seconds between two checks of a waiting thread for an interrupt or its own deadline.
_POLL: Final = 0.2


class SingleFlight(Generic[T]):
    """A value that one thread fetches while the others wait for it. Safe for threads and for forked children.

    Args:
        is_valid: Returns whether a value still serves that was requested at that moment of ``time.monotonic``.
        failure_seconds: How long a failure is kept for threads that come later. With 0 it is shared only with those
            that wait for it.
    """

    def __init__(self, is_valid: Callable[[float, T], bool], *, failure_seconds: float = 0.0) -> None:
        self._is_valid = is_valid
        self._failure_seconds = failure_seconds
        self._fetched: tuple[float, T] | None = None
        self._failed: tuple[float, _SharedFailure] | None = None
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Keep the value; a request of another thread is the parent's."""
        self._lock = threading.Lock()
        self._in_flight: Future[_SharedFailure | None] | None = None

    @property
    def last(self) -> tuple[float, T] | None:
        """The last value, valid or not, and when it was requested."""
        return self._fetched

    def get(
        self,
        fetch: Callable[[], T],
        deadline: Deadline | None,
        *,
        operation: str = "wait for what another operation requested",
        unless: Callable[[T], bool] = lambda value: False,
    ) -> T:
        """Return a valid value, by ``fetch`` if there is none.

        Args:
            fetch: Sends the request.
            deadline: The end of the caller's wait.
            operation: What the caller does, for error texts.
            unless: Returns whether the caller can't use a value that is valid for others.

        Raises:
            FusionError: What ``fetch`` raised, here or in the thread that was waited for.
            Cancelled, DeadlineExceeded: The wait ended.
        """
        while True:
            with self._lock:
                if (value := self._usable(unless)) is not None:
                    return value[0]
                if self._failed and time.monotonic() - self._failed[0] < self._failure_seconds:
                    self._failed[1].raise_for(deadline)
                if self._in_flight is None:
                    flight = self._in_flight = Future()
                    break
                others = self._in_flight
            while not others.done():
                if deadline is not None:
                    deadline.check(operation)
                wait([others], timeout=_POLL)
            if (failure := others.result()) is not None:
                failure.raise_for(deadline)
        return self._fetch(flight, fetch, deadline)

    def begin(self, fetch: Callable[[], T], deadline: Deadline | None) -> None:
        """Fetch it in the background, unless there is a valid value or a request in flight."""

        def fetched() -> None:
            with suppress(FusionError):
                self.get(fetch, deadline)

        with self._lock:
            if self._in_flight is not None or self._usable(lambda value: False) is not None:
                return
        with suppress(RuntimeError):  # no further thread: it is fetched when it is needed
            threading.Thread(target=fetched, name="pulumi-fusion-prefetch", daemon=True).start()

    def _usable(self, unless: Callable[[T], bool]) -> tuple[T] | None:
        if self._fetched is None or not self._is_valid(*self._fetched) or unless(self._fetched[1]):
            return None
        return (self._fetched[1],)

    def _fetch(self, flight: Future[_SharedFailure | None], fetch: Callable[[], T], deadline: Deadline | None) -> T:
        began, shared = time.monotonic(), None
        try:
            value = fetch()
        except (Cancelled, DeadlineExceeded):
            raise  # the end of one operation doesn't affect the others
        except FusionError as failure:
            # Nor does a failure for lack of time.
            if deadline is None or (deadline.remaining() > WORTHWHILE and not deadline.interrupted()):
                shared = _SharedFailure(failure, deadline)
            raise
        else:
            with self._lock:
                self._fetched = (began, value)
            return value
        finally:
            with self._lock:
                self._in_flight = None
                if shared is not None:
                    self._failed = (time.monotonic(), shared)
            flight.set_result(shared)


class _SharedFailure:
    """A failure that several operations wait for.

    It is raised for all of them. The exception: the service asked for a wait that the operation which sent the request,
    under ``deadline``, had no time for. Those that have the time send it again.
    """

    def __init__(self, failure: FusionError, deadline: Deadline | None) -> None:
        self._failure = failure
        asked = failure.retry_after if isinstance(failure, RequestFailed) else None
        self._lacking = asked if asked is not None and deadline is not None and _outlasts(asked, deadline) else None

    def raise_for(self, deadline: Deadline | None) -> None:
        """Raise a copy of the failure for an operation with that deadline."""
        if self._lacking is None or (deadline is not None and _outlasts(self._lacking, deadline)):
            raise self._failure.during(self._failure.attempted)


def _outlasts(seconds: float, deadline: Deadline) -> bool:
    return seconds > deadline.remaining() - WORTHWHILE
