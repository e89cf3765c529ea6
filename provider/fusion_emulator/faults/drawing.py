"""Which faults affect a request."""

from __future__ import annotations

import itertools
import random
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fusion_emulator.faults.lines import Fault, MalformedFault
from fusion_emulator.faults.reach import Route, warning
from fusion_emulator.journal import matches

__all__ = ["Drawn", "FaultWarning", "Faults"]

MOST: Final = 1000
"""Active faults. Each request is compared with all of them."""

_REMEMBERED: Final = 5
"""Faults that have ended."""


class FaultWarning(UserWarning):
    """A fault was added that can have no effect."""


@dataclass(frozen=True)
class Drawn:
    """The faults that affect one request."""

    colours: tuple[Fault, ...] = ()
    decisive: Fault | None = None

    @property
    def text(self) -> str | None:
        """Their lines; None if no fault affects the request."""
        faults = (*self.colours, *((self.decisive,) if self.decisive else ()))
        return "; ".join(fault.text for fault in faults) or None

    def colour(self, kind: str) -> Fault | None:
        """Return the fault of that kind that modifies the request."""
        return next((fault for fault in self.colours if fault.kind == kind), None)

    @property
    def delay(self) -> float:
        """Seconds to wait before the service sees the request."""
        fault = self.colour("delay")
        if fault is None:
            return 0.0
        return float(fault.value or 0) + random.uniform(0, fault.number("jitter", 0))  # noqa: S311  # no secret

    @property
    def skew(self) -> float:
        """Seconds that the service's clock is ahead."""
        fault = self.colour("clock-skew")
        return float(fault.value or 0) if fault else 0.0


class Faults:
    """The active faults, in the order in which they were added; safe to change while requests run."""

    def __init__(self, texts: Sequence[str] = (), *, routes: Sequence[Route] = ()) -> None:
        """Parse the lines, or raise MalformedFault.

        Args:
            texts: Lines of the grammar.
            routes: The routes that faults affect; without any, no fault is reported as one without effect.
        """
        self._lock = threading.Lock()
        self._routes = routes
        self._faults: list[Fault] = []
        self._ended: deque[Fault] = deque(maxlen=_REMEMBERED)
        _warn(self.extend(texts), level=4)

    def add(self, *texts: str) -> None:
        """Add faults: all of them or, if a line is malformed, none. Warns of each that can have no effect.

        Raises:
            MalformedFault: A line is not a fault.
        """
        _warn(self.extend(texts), level=3)

    def extend(self, texts: Sequence[str]) -> list[str]:
        """Add faults as ``add``, and return the warnings. Raises MalformedFault."""
        faults = [Fault.parse(text) for text in texts]
        with self._lock:
            if len(self._faults) + len(faults) > MOST:
                raise MalformedFault(f"more than {MOST} faults at once; remove some first")
            self._faults.extend(faults)
        found = (self.warning(fault) for fault in faults)
        return [each for each in found if each]

    def warning(self, fault: Fault) -> str | None:
        """Return why an active fault can have no effect; None if it can have one."""
        earlier = itertools.takewhile(lambda each: each is not fault, self)
        return warning(fault, earlier, self._routes) if self._routes else None

    def unused(self) -> list[Fault]:
        """Return the faults that have affected no request."""
        return [fault for fault in self if not fault.used]

    def ended(self) -> list[Fault]:
        """Return the last faults that have affected as many requests as they were to, the latest first."""
        with self._lock:
            return list(reversed(self._ended))

    def remove(self, fault: Fault) -> None:
        """Remove this fault, which may have ended."""
        with self._lock:
            self._faults = [each for each in self._faults if each is not fault]

    def clear(self) -> None:
        """Remove all faults, and forget those that have ended."""
        with self._lock:
            self._faults.clear()
            self._ended.clear()

    def draw(self, method: str, path: str) -> Drawn:
        """Return the faults that affect this request, and count them as used."""
        colours: dict[str, Fault] = {}
        decisive: Fault | None = None
        with self._lock:
            for fault in self._faults:
                taken = fault.kind in colours if fault.side == "colours" else decisive is not None
                if taken or not matches(method, path, method=fault.method, path=fault.path) or not _use(fault):
                    continue
                if fault.side == "colours":
                    colours[fault.kind] = fault
                else:
                    decisive = fault
            self._ended.extend(fault for fault in self._faults if fault.left == 0)
            self._faults = [fault for fault in self._faults if fault.left != 0]
        return Drawn(tuple(colours.values()), decisive)

    def __len__(self) -> int:
        """Return the number of faults."""
        with self._lock:
            return len(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        """Return the faults at this moment."""
        with self._lock:
            return iter(tuple(self._faults))


def _use(fault: Fault) -> bool:
    """Count a request that the fault matches; return whether the fault affects it."""
    if fault.skip:
        fault.skip -= 1
        return False
    if fault.left is not None:
        fault.left -= 1
    fault.used += 1
    return True


def _warn(texts: Sequence[str], *, level: int) -> None:
    """Issue the warnings as of a caller so many levels above."""
    for text in texts:
        warnings.warn(text, FaultWarning, stacklevel=level)
