"""Print what requests to an emulator with a state file cost, for this version and an earlier one, as Markdown.

    python -m tests.benchmarks.emulator [--baseline COMMIT] [--customers N,N] [--baseline-customers N,N] [--kills N]

Each figure of a request is from one client with one connection: the median, the 95th percentile, and the time that the
emulator used the processor, in milliseconds. The last one is the same on a busy machine. A restart is the time from the
start of a process to its first answer, and the time of the processor until then.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.emulator.host import Client, Host
from tests.benchmarks.emulator.kills import killed

ROOT: Final = Path(__file__).parents[3]
SAMPLE: Final = 200
"""The creates that are measured at each number of customers, the last ones up to it."""
COLUMNS: Final = (
    "version",
    "customers",
    "create ms",
    "token ms",
    "GET one ms",
    "GET list ms",
    "memory MB",
    "file MB",
    "load s",
    "restart s",
)


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def measured(host: Host, count: int, act: Callable[[], object]) -> str:
    """Return the milliseconds of so many calls: median, 95th percentile, and the mean of the processor."""
    before = host.used
    seconds = [timed(act) for _ in range(count)]
    used = (host.used - before) / count
    figures = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1], used
    return " / ".join(f"{each * 1000:.1f}" for each in figures)


def measure(version: str, provider: Path, counts: Sequence[int], folder: Path) -> None:
    """Print a row per number of customers."""
    state, copy = folder / "state.json", folder / "copy.json"
    numbers = itertools.count()
    with Host(provider, state) as host, contextlib.closing(Client(host.netosecret)) as client:

        def create() -> None:
            client.create(f"c{next(numbers):06}")

        created = 0
        for count in counts:
            for _ in range(count - created - SAMPLE):
                create()
            requests = [
                measured(host, SAMPLE, create),
                measured(host, 100, client.exchange),
                measured(host, 100, lambda: client.read("c000100")),
                measured(host, 10, client.names),
            ]
            created = count
            memory, size = host.memory, state.stat().st_size
            # As a kill would leave it.
            shutil.copyfile(state, copy)
            with Host(provider, copy) as again:
                with contextlib.closing(Client(again.netosecret, token=client.token)) as other:
                    other.read("c000000")
                restart, used = time.perf_counter() - again.began, again.used
            figures = [f"{memory / 1e6:.0f}", f"{size / 1e6:.1f}", f"{again.seconds_of_start:.2f}"]
            row(version, str(count), *requests, *figures, f"{restart:.2f} / {used:.2f}")


def row(*cells: str) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit, "provider"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def main(*, baseline: str | None, customers: Sequence[int], fewer: Sequence[int], kills: int) -> None:
    """Measure both versions in turn."""
    with contextlib.ExitStack() as stack:
        versions = [("this", ROOT / "provider", customers)]
        if baseline:
            versions.append((baseline, stack.enter_context(checked_out(baseline)) / "provider", fewer))
        row(*COLUMNS)
        row(*("---" for _ in COLUMNS))
        for version, provider, counts in versions:
            measure(version, provider, counts, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for version, provider, _ in versions:
            if kills:
                found = killed(
                    provider, Path(stack.enter_context(tempfile.TemporaryDirectory())) / "state", kills=kills
                )
                print(  # noqa: T201
                    f"\n{version}: {found.kills} kills, {len(found.acknowledged)} creates acknowledged, "
                    f"{len(found.lost)} of them lost, {len(found.unsent)} found that nobody sent"
                )


def numbers(text: str) -> list[int]:
    """Return the numbers of a list with commas."""
    return [int(each) for each in text.split(",")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the emulator with a state file.")
    parser.add_argument("--baseline", metavar="COMMIT", help="also measure the emulator of this commit")
    parser.add_argument("--customers", type=numbers, default=[1_000, 10_000], metavar="N,N", help="of this version")
    parser.add_argument(
        "--baseline-customers", type=numbers, default=[1_000, 3_000], metavar="N,N", help="of the other"
    )
    parser.add_argument("--kills", type=int, default=200)
    chosen = parser.parse_args()
    main(
        baseline=chosen.baseline,
        customers=chosen.customers,
        fewer=chosen.baseline_customers,
        kills=chosen.kills,
    )
