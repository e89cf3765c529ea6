#!/usr/bin/env python3
"""Write the tables of the fields of a Customer, which are derived from customer/model.py, into the documents.

    .venv/test/bin/python tests/fields.py

Each table is between two comments, ``<!-- fields: NAME -->`` and ``<!-- end of fields -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from pulumi_fusion.customer.model import FIELDS, OUTPUTS, State, value_type
from pulumi_fusion.customer.names import state_key

__all__ = ["DOCUMENTS", "updated"]

_ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENTS: Final = (_ROOT / "README.md", _ROOT / "provider/docs/customer.md")
_REGION: Final = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end of fields -->)", re.DOTALL)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = [*columns]
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _inputs() -> str:
    return _table(
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


def _outputs() -> str:
    return _table(
        ("Python", "State key", "Type", "Description"),
        (
            (f"`{name}`", f"`{state_key(name)}`", value_type(name).__name__, State.model_fields[name].description or "")
            for name in OUTPUTS
        ),
    )


_TABLES: Final[Mapping[str, Callable[[], str]]] = {"inputs": _inputs, "outputs": _outputs}


def updated(document: str) -> str:
    """Return the text of a document with current tables."""
    return _REGION.sub(lambda region: f"{region[1]}{_TABLES[region[2]]()}{region[3]}", document)


def main() -> int:
    """Update the documents and return the exit code 0."""
    for path in DOCUMENTS:
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
