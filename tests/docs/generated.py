"""The parts of the documents that are derived from the code.

Each is between two comments, ``<!-- generated: NAME -->`` and ``<!-- end of generated -->``.
``python -m tests.docs`` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from pulumi_fusion.catalog.findings import MEANINGS
from pulumi_fusion.customer.model import FIELDS, OUTPUTS, State, value_type
from pulumi_fusion.customer.names import state_key
from tests.compatibility import tables as compatibility
from tests.docs.blocks import ROOT
from tests.docs.contracts import contracts, layers
from tests.docs.emulator import control_routes, fault_kinds
from tests.docs.switches import switches
from tests.docs.tables import table
from tests.docs.threats import threat_tests
from tests.permissions.tables import needed, outcomes_by_role

__all__ = ["GENERATORS", "updated"]

_REGION: Final = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end of generated -->)", re.DOTALL)


def _inputs() -> str:
    return table(
        ("Python", "State key", "Type", "Required", "Kind", "Description"),
        (
            (
                f"`{name}`",
                f"`{state_key(name)}`",
                value_type(name).__name__,
                "yes" if spec.required else "",
                spec.kind.value,
                State.model_fields[name].description or "",
            )
            for name, spec in FIELDS.items()
        ),
    )


def _inputs_short() -> str:
    return table(
        ("Field", "Required", "Kind", "Description"),
        (
            (f"`{name}`", "yes" if spec.required else "", spec.kind.value, State.model_fields[name].description or "")
            for name, spec in FIELDS.items()
        ),
    )


def _outputs() -> str:
    return table(
        ("Python", "State key", "Type", "Description"),
        (
            (f"`{name}`", f"`{state_key(name)}`", value_type(name).__name__, State.model_fields[name].description or "")
            for name in OUTPUTS
        ),
    )


def _decisions() -> str:
    rows = []
    for path in sorted((ROOT / "provider/docs/decisions").glob("[0-9]*.md")):
        title, _, facts, *_ = path.read_text(encoding="utf-8").splitlines()
        date, status = facts.removeprefix("Date: ").removesuffix(".").split(". Status: ")
        rows.append((f"[{path.name[:4]}]({path.name})", title.removeprefix("# "), date, status))
    return table(("Number", "Decision", "Date", "Status"), rows)


def _catalog_rules() -> str:
    return table(("Rule", "Meaning"), ((f"`{rule.value}`", meaning) for rule, meaning in MEANINGS.items()))


GENERATORS: Final[Mapping[str, Callable[[], str]]] = {
    "inputs": _inputs,
    "inputs-short": _inputs_short,
    "outputs": _outputs,
    "decisions": _decisions,
    "catalog-rules": _catalog_rules,
    "layers": layers,
    "contracts": contracts,
    "permissions-needed": needed,
    "permissions-by-role": outcomes_by_role,
    "fault-kinds": fault_kinds,
    "control-routes": control_routes,
    "threat-tests": threat_tests,
    "switches": switches,
    "compatibility-runs": compatibility.runs,
    "compatibility-pythons": compatibility.pythons,
    "compatibility-hosts": compatibility.hosts,
}
"""Each returns the text of the part of that name, which ends with a line end."""


def updated(document: str) -> str:
    """Return the text of a document with current generated parts."""
    return _REGION.sub(lambda region: f"{region[1]}{GENERATORS[region[2]]()}{region[3]}", document)
