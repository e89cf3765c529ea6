"""The median of each command over the rounds, and its ratio to the floor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Final

from tests.benchmarks.speed.providers import PROVIDERS
from tests.benchmarks.speed.rounds import OPERATIONS, Sample

__all__ = ["Figures"]

_MEASURED: Final = [each.name for each in fields(Sample) if each.type in ("int", "float")]


@dataclass(frozen=True)
class Figures:
    """All samples of a run."""

    samples: Sequence[Sample]

    @property
    def settings(self) -> list[tuple[int, int]]:
        """Every number of customers with every latency that was measured."""
        return sorted({(each.count, each.latency_ms) for each in self.samples})

    @property
    def providers(self) -> list[str]:
        """The providers that were measured, in the order of their table."""
        return [name for name in PROVIDERS if any(each.provider == name for each in self.samples)]

    def of(self, provider: str, count: int, latency_ms: int, operation: str) -> Sample | None:
        """The medians of a command; None where it was not measured."""
        measured = [
            each
            for each in self.samples
            if (each.provider, each.count, each.latency_ms, each.operation) == (provider, count, latency_ms, operation)
        ]
        if not measured:
            return None
        medians = {name: median(getattr(each, name) for each in measured) for name in _MEASURED}
        return Sample(provider=provider, operation=operation, **medians)

    def ratio(self, found: Sample, of: str) -> float | None:
        """Return the ratio to the floor; None for the floor itself, or if it was not measured."""
        floor = PROVIDERS[found.provider].floor
        least = self.of(floor, found.count, found.latency_ms, found.operation)
        if floor == found.provider or least is None or not getattr(least, of):
            return None
        return float(getattr(found, of) / getattr(least, of))

    def rows(self) -> Iterator[tuple[Sample, float | None, float | None]]:
        """Yield the medians of every command, with the ratios of its elapsed and processor time."""
        for count, latency_ms in self.settings:
            for provider in self.providers:
                for operation in OPERATIONS:
                    found = self.of(provider, count, latency_ms, operation)
                    if found is not None:
                        yield found, self.ratio(found, "seconds"), self.ratio(found, "processor")
