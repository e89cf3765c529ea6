"""Print what requests to an emulator with a state file cost, for this version and an earlier one, as Markdown.

    python -m tests.benchmarks.emulator [--baseline COMMIT] [--customers N,N] [--baseline-customers N,N] [--kills N]

Each figure of a request is from one client with one connection: the median, and below it the 95th percentile, in
milliseconds. A restart is the time from the start of a process to its first answer.
"""

from __future__ import annotations

import argparse
import contextlib
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


def shown(seconds: Sequence[float]) -> str:
    """Return the median and the 95th percentile in milliseconds."""
    return f"{statistics.median(seconds) * 1000:.1f} / {statistics.quantiles(seconds, n=20)[-1] * 1000:.1f}"


def measure(version: str, provider: Path, counts: Sequence[int], folder: Path) -> None:
    """Print a row per number of customers."""
    state, copy = folder / "state.json", folder / "copy.json"
    created: list[float] = []
    with Host(provider, state) as host:
        client = Client(host.netosecret)
        for count in counts:
            created.extend(timed(lambda: client.create(f"c{len(created):06}")) for _ in range(count - len(created)))
            memory, size = host.memory, state.stat().st_size
            requests = [
                created[-200:],
                [timed(client.exchange) for _ in range(100)],
                [timed(lambda: client.read("c000500")) for _ in range(100)],
                [timed(client.names) for _ in range(10)],
            ]
            # As a kill would leave it.
            shutil.copyfile(state, copy)
            with Host(provider, copy) as again:
                Client(again.netosecret, token=client.token).read("c000000")
                restart = time.perf_counter() - again.began
            figures = [f"{memory / 1e6:.0f}", f"{size / 1e6:.1f}", f"{again.seconds_of_start:.2f}", f"{restart:.2f}"]
            row(version, str(count), *map(shown, requests), *figures)


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
