"""The tables of the page about compatibility, from the recorded runs and the pins."""

from __future__ import annotations

import json
import re
from typing import Final

from tests.compatibility.runs import pinned, recorded
from tests.docs.blocks import ROOT
from tests.docs.tables import table
from tests.engine.frontends import FRONTENDS

__all__ = ["hosts", "pythons", "runs"]

_ENGINE: Final = ROOT / ".ci/engine"
_SDK: Final = r"github.com/pulumi/pulumi/sdk/v3 v(\S+)"


def runs() -> str:
    """Return the table of the recorded runs."""
    return table(
        ("Pulumi CLI", "Python SDK", "Python", "System", "Date", "Result"),
        ((run.cli, run.sdk, run.python, run.system, run.date, _result(run.passed)) for run in recorded()),
    )


def pythons() -> str:
    """Return the table of the Python versions that the package declares, and of those that were run."""
    declared = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    ran = {run.combination[2]: run.python for run in recorded() if len(run.passed) == len(FRONTENDS)}
    return table(("Python", "Run"), ((each, ran.get(each, "not run: declared only")) for each in declared))


def hosts() -> str:
    """Return the table of the language hosts with which the tests run programs."""
    node = json.loads((_ENGINE / "node-host/package.json").read_text())["dependencies"]
    yaml = pinned(_ENGINE / "yaml-host/go.mod", r"github.com/pulumi/pulumi-yaml v(\S+)")
    return table(
        ("Language", "Language host", "Packages"),
        (
            ("Python", f"of SDK {pinned(_ENGINE / 'python-host/go.mod', _SDK)}", "the SDK in the table above"),
            (
                "TypeScript",
                f"of SDK {pinned(_ENGINE / 'node-host/go.mod', _SDK)}",
                f"@pulumi/pulumi {node['@pulumi/pulumi']}, typescript {node['typescript']}",
            ),
            ("YAML", f"pulumi-yaml {yaml}", "none"),
        ),
    )


def _result(passed: tuple[str, ...]) -> str:
    if set(passed) == set(FRONTENDS):
        return "both frontends passed"
    return f"only the {passed[0]} frontend passed" if passed else "failed"
