"""Print how much longer a preview takes if the program reads its customers from a catalog, as Markdown.

    python -m tests.benchmarks.catalog.declare [CUSTOMERS]

It needs the Pulumi CLI and its Python host on PATH. Each program is previewed seven times, in turns, without requests.
Each row is the fastest: seconds until it ends, and seconds of the processor.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.benchmarks.process import measured

ROUNDS: Final = 7

DEFAULTS: Final = {
    "email": "onboarding@msp.example.com",
    "given_name": "Onboarding",
    "family_name": "Team",
    "type": "SLG",
    "status": "Active",
    "data_retention": 90,
    "rollup_retention": 365,
}

BY_CATALOG: Final = 'from pulumi_fusion import catalog\ncatalog.read("customers.yaml").declare()\n'


def by_hand(customers: int) -> str:
    """Return a program that has the customers in its text."""
    calls = (
        f'Customer("cust-{n:05}", shortname="cust-{n:05}", organization="Customer {n}", **defaults)'
        for n in range(customers)
    )
    return f"from pulumi_fusion import Customer\ndefaults = {DEFAULTS!r}\n" + "\n".join(calls) + "\n"


def catalog(customers: int) -> str:
    """Return a catalog with the same customers."""
    defaults = "".join(f"  {name}: {value}\n" for name, value in DEFAULTS.items())
    entries = "".join(f"  cust-{n:05}:\n    organization: Customer {n}\n" for n in range(customers))
    return f"version: 1\ndefaults:\n{defaults}customers:\n{entries}"


def project(folder: Path, program: str, customers: int, environ: dict[str, str]) -> None:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: declare\nruntime: python\n")
    (folder / "__main__.py").write_text(program)
    (folder / "customers.yaml").write_text(catalog(customers))
    subprocess.run(["pulumi", "stack", "init", folder.name], cwd=folder, env=environ, check=True, capture_output=True)


def main(customers: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "PULUMI_BACKEND_URL": f"file://{home}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "FUSION_PREFLIGHT": "off",
        }
        programs = {"by-hand": by_hand(customers), "catalog": BY_CATALOG}
        for name, program in programs.items():
            project(Path(home) / name, program, customers, environ)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for _ in range(ROUNDS):
            for name in programs:
                taken[name].append(measured(["pulumi", "preview"], folder=Path(home) / name, environ=environ))
        print("| customers | program | seconds | of the processor |\n|---|---|--:|--:|")  # noqa: T201
        for name, rounds in taken.items():
            fastest = [min(each) for each in zip(*rounds, strict=True)]
            print(f"| {customers} | {name} | {fastest[0]:.2f} | {fastest[1]:.2f} |")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 300)
