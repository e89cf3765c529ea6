"""Measure the provider, the engine's own cost and a provider as usually written.

It has no limits that fail. In every round each provider gets a new project and an empty service. The commands of a
round alternate between the providers, so that other load of the machine affects all of them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import click

from tests.benchmarks.speed import growth, report
from tests.benchmarks.speed.figures import Figures
from tests.benchmarks.speed.process import FailedError
from tests.benchmarks.speed.providers import PROVIDERS
from tests.benchmarks.speed.rounds import Sample, lived

_COUNTS = (1, 10, 100, 300)
_LATENCIES = (0, 50, 200)


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--quick", is_flag=True, help="10 customers at 50 ms, one round: two minutes.")
@click.option("--large", is_flag=True, help="1000 customers as well.")
@click.option("-n", "--customers", "counts", type=click.IntRange(1), multiple=True, help=f"{_COUNTS}. Repeatable.")
@click.option(
    "-l",
    "--latency",
    "latencies",
    type=click.IntRange(0),
    multiple=True,
    help=f"Milliseconds, {_LATENCIES}. Repeatable.",
)
@click.option("-p", "--provider", "chosen", type=click.Choice(list(PROVIDERS)), multiple=True, help="All. Repeatable.")
@click.option("-r", "--rounds", type=click.IntRange(1), help="Rounds whose median counts; 3.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".benchmarks"),
    show_default=True,
    help="Where speed.json, speed.md and speed.svg go.",
)
@click.option("--redraw", is_flag=True, help="Measure nothing; make the table and the picture from speed.json.")
def main(
    *,
    quick: bool,
    large: bool,
    counts: tuple[int, ...],
    latencies: tuple[int, ...],
    chosen: tuple[str, ...],
    rounds: int | None,
    output: Path,
    redraw: bool,
) -> None:
    # A job in the background ignores interrupts, and so would all that it starts. The engine ends its plugins by one,
    # and would wait 5 seconds for them in each command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output.mkdir(parents=True, exist_ok=True)
    if redraw:
        figures, where = report.loaded((output / "speed.json").read_text())
    else:
        where = report.machine()
        numbers = sorted(set(counts or ((10,) if quick else _COUNTS)) | ({1000} if large else set()))
        delays = sorted(set(latencies or ((50,) if quick else _LATENCIES)))
        figures = Figures([])
        try:
            for turn in _measured(
                numbers, delays, tuple(dict.fromkeys(chosen or PROVIDERS)), rounds or (1 if quick else 3)
            ):
                figures = Figures([*figures.samples, *turn])
                # A long run that ends early keeps what it has.
                (output / "speed.json").write_text(report.as_json(figures, where))
        except KeyboardInterrupt:
            click.echo("interrupted; what was measured so far:", err=True)
    if not figures.samples:
        raise click.ClickException("nothing was measured")
    (output / "speed.md").write_text(report.as_markdown(figures, where))
    measured = sorted({latency for _, latency in figures.settings})
    (output / "speed.svg").write_text(growth.drawn(figures, 50 if 50 in measured else measured[-1]))
    report.show(figures, where)
    click.echo(f"kept in {output}: speed.json, speed.md, speed.svg", err=True)


def _measured(
    counts: Sequence[int], latencies: Sequence[int], chosen: Sequence[str], rounds: int
) -> Iterator[list[Sample]]:
    """Run one command of each provider at a time."""
    settings = [(count, latency) for count in counts for latency in latencies]
    for number in range(rounds):
        for count, latency in settings:
            began = time.monotonic()
            taking_part = [PROVIDERS[name] for name in chosen if count <= PROVIDERS[name].most] or [
                PROVIDERS[chosen[0]]
            ]
            # The first provider has colder caches.
            turned = taking_part[number % len(taking_part) :] + taking_part[: number % len(taking_part)]
            lives = [_as_far_as_it_goes(lived(provider, count, latency), provider.title) for provider in turned]
            for turn in zip_longest(*lives):
                yield [sample for sample in turn if sample is not None]
            seconds = time.monotonic() - began
            click.echo(
                f"round {number + 1} of {rounds}: {count} customers at {latency} ms took {seconds:.0f} s", err=True
            )


def _as_far_as_it_goes(samples: Iterator[Sample], title: str) -> Iterator[Sample]:
    """Report a failure, which ends the round for this provider alone."""
    try:
        yield from samples
    except FailedError as failed:
        lines = str(failed).strip().splitlines()
        why = next((line.strip() for line in lines if "Error: " in line), lines[0])
        click.echo(f"{title} leaves this round: {lines[0]}: {why}", err=True)


if __name__ == "__main__":
    main()
