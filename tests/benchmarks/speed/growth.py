"""Draw the time of each command by the number of customers as SVG, with logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from tests.benchmarks.speed.figures import Figures
from tests.benchmarks.speed.providers import PROVIDERS
from tests.benchmarks.speed.rounds import OPERATIONS

__all__ = ["drawn"]

_LINES: Final = {
    "dynamic-floor": ("#7fb3e6", "5 4"),
    "dynamic": ("#1f5fa8", ""),
    "plugin-floor": ("#8fd19e", "5 4"),
    "plugin": ("#1d7a34", ""),
    "naive": ("#c0392b", ""),
}

_COLUMNS: Final = 4
_WIDTH, _HEIGHT = 250, 200  # of one picture with its frame
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 14, 28, 30


def drawn(figures: Figures, latency_ms: int) -> str:
    """Draw one small picture for each command, all with the same axes."""
    counts = sorted({count for count, latency in figures.settings if latency == latency_ms})
    lines = {
        (operation, provider): [
            (count, found.seconds)
            for count in counts
            if (found := figures.of(provider, count, latency_ms, operation)) is not None
        ]
        for operation in OPERATIONS
        for provider in figures.providers
    }
    seconds = [value for points in lines.values() for _, value in points]
    lowest, highest = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    axes = _Axes(counts, 10.0**lowest, 10.0**highest)
    # The legend has the place after the last picture.
    width, height = _COLUMNS * _WIDTH, (len(OPERATIONS) // _COLUMNS + 1) * _HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="11" fill="#333">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    pictures = [
        [*axes.frame(operation), *(axes.line(lines[operation, name], *_LINES[name]) for name in figures.providers)]
        for operation in OPERATIONS
    ]
    for place, picture in enumerate([*pictures, list(_legend(figures.providers, latency_ms))]):
        row, column = divmod(place, _COLUMNS)
        parts += [f'<g transform="translate({column * _WIDTH} {row * _HEIGHT})">', *picture, "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Axes:
    def __init__(self, counts: Sequence[int], lowest: float, highest: float) -> None:
        self._counts = counts
        self._lowest, self._highest = lowest, highest

    def x(self, count: float) -> float:
        first, last = self._counts[0], self._counts[-1]
        share = math.log(count / first) / math.log(last / first) if last > first else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, seconds: float) -> float:
        share = math.log(seconds / self._lowest) / math.log(self._highest / self._lowest)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def frame(self, title: str) -> Iterator[str]:
        yield f'<text x="{_LEFT}" y="{_TOP - 10}" font-size="13" font-weight="bold">{escape(title)}</text>'
        step = self._lowest
        while step <= self._highest * 1.001:
            y = self.y(step)
            yield f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
            yield f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{step:g} s</text>'
            step *= 10
        for count in self._counts:
            yield f'<text x="{self.x(count):.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{count}</text>'

    def line(self, points: Sequence[tuple[int, float]], colour: str, dashes: str) -> str:
        placed = [(self.x(count), self.y(seconds)) for count, seconds in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in placed)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" {_dashed(dashes)}/>{dots}'


def _legend(providers: Sequence[str], latency_ms: int) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="{_TOP + 4}">Seconds by the number of customers,</text>'
    yield f'<text x="{_LEFT}" y="{_TOP + 20}">{latency_ms} ms latency</text>'
    for place, provider in enumerate(providers):
        colour, dashes = _LINES[provider]
        y = _TOP + 46 + place * 20
        yield f'<path d="M{_LEFT} {y - 4}h24" stroke="{colour}" stroke-width="2" {_dashed(dashes)}/>'
        yield f'<text x="{_LEFT + 32}" y="{y}">{escape(PROVIDERS[provider].title)}</text>'


def _dashed(dashes: str) -> str:
    return f'stroke-dasharray="{dashes}"' if dashes else ""
