"""Print how long `pulumi-fusion report` takes for a preview that creates customers, as a whole process, as Markdown.

    python -m tests.benchmarks.report [CUSTOMERS]

Each row is the fastest of five runs: seconds until it ends, and seconds of the processor.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from pulumi_fusion.cli.report import FORMATS
from tests.benchmarks.process import fastest
from tests.unit.report.samples import INPUTS, PLUGIN, preview, step, urn


def created(number: int) -> dict[str, Any]:
    """Return the step that creates a customer, with a state as the engine writes it."""
    name = f"customer-{number:05}"
    inputs = {**INPUTS, "shortname": name, "contractualFlowsPerSecond": 1000 + number}
    state = {"urn": urn(name), "custom": True, "type": PLUGIN, "inputs": inputs, "outputs": inputs}
    return step("create", name, newState=state)


def main(customers: int) -> None:
    print("| customers | format | seconds | of the processor |")  # noqa: T201
    print("|---|---|--:|--:|")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "preview.json"
        file.write_bytes(preview(*map(created, range(customers))))
        for style in FORMATS:
            taken, used = fastest("report", file, "--format", style)
            print(f"| {customers} | {style} | {taken:.2f} | {used:.2f} |")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000)
