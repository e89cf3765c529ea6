"""Figures for people and for programs: a table on the terminal, Markdown, JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from importlib.metadata import version
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks.speed.figures import Figures
from tests.benchmarks.speed.providers import PROVIDERS
from tests.benchmarks.speed.rounds import OPERATIONS, Sample

__all__ = ["as_json", "as_markdown", "loaded", "machine", "show"]

_READING: Final = (
    "Commands: seconds on the clock (requests to the service). Processor: seconds of all processes of the command. "
    "x: times the floor, which is the empty provider of the same kind in the same run. Memory: the peak of all "
    "processes of `up`, and of those of Python among them, the program and the provider. Connections and requests at "
    "once: the most that one command had. The emulator runs in a separate process, which is not counted, but uses "
    "the same cores."
)

_Cell = Callable[[Figures, dict[str, Sample]], str]


def machine() -> dict[str, Any]:
    """Return the date, the machine and the versions of a measurement."""
    cli = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "date": datetime.now(tz=timezone.utc).date().isoformat(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "cli": cli,
        "sdk": version("pulumi"),
    }


def as_json(figures: Figures, where: dict[str, Any]) -> str:
    medians = [
        {**asdict(found), "ratio": ratio, "processor_ratio": processor} for found, ratio, processor in figures.rows()
    ]
    samples = [asdict(each) for each in figures.samples]
    return json.dumps({"machine": where, "medians": medians, "samples": samples}, indent=1) + "\n"


def loaded(text: str) -> tuple[Figures, dict[str, Any]]:
    """Return the figures and the machine of an earlier run."""
    document = json.loads(text)
    return Figures([Sample(**each) for each in document["samples"]]), document["machine"]


def as_markdown(figures: Figures, where: dict[str, Any]) -> str:
    lines = [f"{_machine_text(where)}\n\n{_READING}\n"]
    for count, latency_ms in figures.settings:
        lines.append(f"\n**{_setting(figures, count, latency_ms)}**\n\n")
        head = ["", *(PROVIDERS[name].title for name in figures.providers)]
        cells = [head, ["---"] + ["--:"] * len(figures.providers), *_rows(figures, count, latency_ms)]
        lines += [f"| {' | '.join(row)} |\n" for row in cells]
    return "".join(lines)


def show(figures: Figures, where: dict[str, Any]) -> None:
    """Print the tables."""
    console = Console()
    console.print(f"{_machine_text(where)}\n{_READING}")
    for count, latency_ms in figures.settings:
        table = Table(title=_setting(figures, count, latency_ms), title_justify="left")
        table.add_column("", no_wrap=True)
        for name in figures.providers:
            table.add_column(PROVIDERS[name].title, justify="right")
        for row in _rows(figures, count, latency_ms):
            table.add_row(*row)
        console.print(table)


def _machine_text(where: dict[str, Any]) -> str:
    return (
        f"Measured {where['date']} on {where['cores']} cores ({where['system']}), Pulumi CLI {where['cli']}, "
        f"SDK {where['sdk']}, Python {where['python']}."
    )


def _setting(figures: Figures, count: int, latency_ms: int) -> str:
    begun = Counter(
        each.provider
        for each in figures.samples
        if (each.count, each.latency_ms, each.operation) == (count, latency_ms, next(iter(OPERATIONS)))
    )
    rounds = max(begun.values(), default=0)
    of_rounds = "one round" if rounds == 1 else f"median of {rounds} rounds"
    return f"{count} customer{'s' if count > 1 else ''}, {latency_ms} ms latency, {of_rounds}"


def _rows(figures: Figures, count: int, latency_ms: int) -> Iterator[list[str]]:
    """Yield the rows of a table, with a column for each provider."""
    columns = []
    for provider in figures.providers:
        found = {name: figures.of(provider, count, latency_ms, name) for name in OPERATIONS}
        columns.append({name: each for name, each in found.items() if each is not None})
    for label, cell in _cells_by_label().items():
        cells = [cell(figures, column) if column else "" for column in columns]
        if any(cells):
            yield [label, *cells]


def _cells_by_label() -> dict[str, _Cell]:
    """Return the labels of the rows, each with the function that makes a cell."""

    def timed(name: str, of: str, *, requests: bool = False) -> _Cell:
        return lambda figures, column: _cell(figures, column.get(name), of, requests=requests)

    def of_up(cell: Callable[[Figures, Sample], str]) -> _Cell:
        return lambda figures, column: cell(figures, column["up"]) if "up" in column else ""

    return {
        **{name: timed(name, "seconds", requests=True) for name in OPERATIONS},
        **{f"{name}, processor": timed(name, "processor") for name in OPERATIONS},
        "state for each customer": of_up(lambda figures, up: f"{up.state / 1000:.2f} KB"),
        "memory": of_up(lambda figures, up: _megabytes(figures, up, "memory")),
        "memory of Python": of_up(lambda figures, up: _megabytes(figures, up, "python")),
        "connections": lambda figures, column: f"{max(each.connections for each in column.values()):.0f}",
        "emulator, processor of `up`": of_up(lambda figures, up: f"{up.emulator:.2f}"),
        "requests at once": lambda figures, column: f"{max(each.at_once for each in column.values()):.0f}",
    }


def _cell(figures: Figures, found: Sample | None, of: str, *, requests: bool = False) -> str:
    if found is None:
        return ""
    text = _times(f"{getattr(found, of):.2f}", figures.ratio(found, of))
    return f"{text} ({found.requests:.0f})" if requests and found.requests else text


def _megabytes(figures: Figures, found: Sample, of: str) -> str:
    return _times(f"{getattr(found, of) / 1e6:.0f} MB", figures.ratio(found, of))


def _times(text: str, ratio: float | None) -> str:
    return text if ratio is None else f"{text} x{ratio:.2f}"
