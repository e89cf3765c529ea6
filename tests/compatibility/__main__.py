"""Run the life of a customer with both frontends and record the versions and the result in runs.json.

``tests/compatibility/run`` starts it in a suitable environment.
"""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from tests.compatibility.lifecycle import failed_step
from tests.compatibility.runs import FILE, Run, kept, recorded
from tests.engine.frontends import FRONTENDS


def main() -> int:
    """Return the exit code: 0 if all steps passed with both frontends."""
    version = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=True).stdout
    failures = {}
    with tempfile.TemporaryDirectory() as folder:
        for frontend in FRONTENDS:
            failures[frontend] = failed_step(frontend, Path(folder) / frontend)
    run = Run(
        cli=version.strip().removeprefix("v"),
        sdk=importlib.metadata.version("pulumi"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        date=datetime.now(tz=timezone.utc).date().isoformat(),
        passed=tuple(frontend for frontend in FRONTENDS if failures[frontend] is None),
    )
    FILE.write_text(kept(recorded() if FILE.exists() else [], run), encoding="utf-8")
    print(f"CLI {run.cli}, SDK {run.sdk}, Python {run.python}, {run.system}")  # noqa: T201 - the report
    for frontend, failure in failures.items():
        print(f"{frontend}: {failure or 'passed'}")  # noqa: T201
    return 1 if any(failures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
