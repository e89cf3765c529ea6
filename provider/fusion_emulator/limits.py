"""The requests of a route that an account may send in a time."""

from __future__ import annotations

from collections import deque

from fusion_emulator.answers import http_date
from fusion_emulator.clock import Clock
from fusion_emulator.switches import RateLimit, Switches

__all__ = ["Admitted", "retry_after"]


class Admitted:
    """When the accounts sent the last requests that were admitted, as far as they still count."""

    def __init__(self) -> None:
        """Begin without requests."""
        # In the order of their last requests.
        self._times: dict[str, deque[float]] = {}

    def __len__(self) -> int:
        """Return the number of accounts with requests."""
        return len(self._times)

    def wait(self, account: str, limit: RateLimit, *, now: float) -> float:
        """Admit a request, or return the seconds until the next one is admitted.

        Args:
            account: The id of the account.
            limit: The limit of the route.
            now: Unix seconds.
        """

        def counts(time: float) -> bool:
            # The clock may have been moved either way.
            return 0 <= now - time < limit.window

        times = self._times[account] = self._times.pop(account, deque())
        while (oldest := next(iter(self._times))) != account and not counts(self._times[oldest][-1]):
            del self._times[oldest]
        while times and not counts(times[0]):
            times.popleft()
        if len(times) >= limit.count:
            return limit.window - (now - times[0])
        times.append(now)
        return 0.0

    def clear(self) -> None:
        """Forget all requests."""
        self._times.clear()


def retry_after(seconds: float, switches: Switches, clock: Clock) -> dict[str, str]:
    """Return the header field with the seconds that a client waits, if the switches want one."""
    # RFC 9110 section 10.2.3: whole seconds or a date; rounded up, so that a client that waits is admitted.
    if switches.retry_after == "none":
        return {}
    whole = int(seconds) + 1
    if switches.retry_after == "seconds":
        return {"Retry-After": str(whole)}
    # As the Date of the answer, by which a client without a clock of its own judges it.
    return {"Retry-After": http_date(clock.machine() + whole)}
