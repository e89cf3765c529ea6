"""Print how long `pulumi-fusion catalog validate` takes, as a whole process, as Markdown.

    python -m tests.benchmarks.catalog [CUSTOMERS]

Each row is the fastest of five runs: seconds until it ends, and seconds of the processor.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.benchmarks.process import fastest

DEFAULTS: Final = (
    "version: 1\ndefaults: {type: SLG, status: Active, data_retention: 90, rollup_retention: 365}\ncustomers:\n"
)


def valid(number: int) -> str:
    """Return the entry of a customer with seven lines."""
    return (
        f"  customer-{number:05}:\n"
        f"    organization: Customer Number {number} Incorporated\n"
        f"    email: admin@customer-{number}.example.com\n"
        "    given_name: Onboarding\n"
        "    family_name: Team\n"
        f"    contractual_flows_per_second: {1000 + number}\n"
        f"    data_retention: {(7, 45, 90, 180)[number % 4]}\n"
    )


def wrong(number: int) -> str:
    """Return the entry of a customer with three problems, two of which have a similar name."""
    return f"{valid(number)}    state: Active\n    status: active\n    rollup_retention: 8\n"


def main(customers: int) -> None:
    contents: dict[str, tuple[Callable[[int], str], int]] = {
        "nothing wrong": (valid, 0),
        "three problems each": (wrong, 1),
    }
    print("| customers | content | format | seconds | of the processor |")  # noqa: T201
    print("|---|---|---|--:|--:|")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "customers.yaml"
        for name, (entry, code) in contents.items():
            file.write_text(DEFAULTS + "".join(map(entry, range(customers))), encoding="utf-8")
            for style in ("text", "sarif"):
                taken, used = fastest("catalog", "validate", "--format", style, file, code=code)
                print(f"| {customers} | {name} | {style} | {taken:.2f} | {used:.2f} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
