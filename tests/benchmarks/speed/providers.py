"""The providers that are compared, each with its floor."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["PROVIDERS", "Provider"]

_PROGRAMS: Final = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Provider:
    """A provider to measure.

    Args:
        name: Its name in options.
        title: Its name in tables.
        program: The file of its program.
        floor: The name of the empty provider of the same kind; its own name if it is one.
        environ: Environment variables of its commands.
        most: With more customers it isn't measured.
    """

    name: str
    title: str
    program: str
    floor: str
    environ: Mapping[str, str] = field(default_factory=dict)
    most: int = 100_000

    @property
    def text(self) -> str:
        return (_PROGRAMS / self.program).read_text()

    def install(self, folder: Path) -> None:
        """Write the empty plugin into the folder, which is on PATH, like a console script of pip."""
        script = folder / "pulumi-resource-empty"
        script.write_text(
            f"#!{sys.executable}\nimport sys\nfrom tests.benchmarks.speed.floor_plugin import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)


PROVIDERS: Final = {
    provider.name: provider
    for provider in (
        Provider("dynamic-floor", "empty dynamic provider", "dynamic_floor.py", floor="dynamic-floor"),
        Provider("dynamic", "pulumi-fusion, dynamic", "dynamic.py", floor="dynamic-floor"),
        Provider(
            "plugin-floor", "empty plugin", "plugin.py", floor="plugin-floor", environ={"BENCHMARK_PACKAGE": "empty"}
        ),
        Provider(
            "plugin",
            "pulumi-fusion, plugin",
            "plugin.py",
            floor="plugin-floor",
            environ={"BENCHMARK_PACKAGE": "fusion"},
        ),
        # Its code is in the state once for each customer, and all of it in memory several times.
        Provider("naive", "dynamic as usually written", "naive.py", floor="dynamic-floor", most=300),
    )
}
