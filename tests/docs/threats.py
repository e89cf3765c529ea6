"""The tests of each attack of the threat model, which are marked with the anchor of its row."""

from __future__ import annotations

import ast
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.docs.blocks import ROOT

__all__ = ["PAGE", "attacks", "marked_tests", "threat_tests"]

PAGE: Final = ROOT / "provider" / "docs" / "threat-model.md"

_ROW: Final = re.compile(r'^\| <a id="([a-z-]+)"></a>([^|]+) \|', re.MULTILINE)
_WIDTH: Final = 120


def marked_tests() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return, for each attack that a test is marked with, the names of its tests by the path of their file."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text())
        of_all = {row for node in module.body if isinstance(node, ast.Assign) for row in _marks(node.value)}
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in sorted(of_all.union(*map(_marks, node.decorator_list))):
                    found[row][path.relative_to(ROOT).as_posix()].append(node.name)
    return found


def _marks(expression: ast.expr) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.threat":
            (row,) = node.args
            assert isinstance(row, ast.Constant)
            yield str(row.value)


def attacks() -> list[tuple[str, str]]:
    """Return the anchor and the text of each attack of the page."""
    return _ROW.findall(PAGE.read_text(encoding="utf-8"))


def threat_tests() -> str:
    """Return a list of the tests of each attack, whose names are sentences."""
    by_attack = marked_tests()
    lines: list[str] = []
    for anchor, attack in attacks():
        lines += ["", f"**{attack}**", ""]
        for path, names in by_attack.get(anchor, {}).items():
            lines += _wrapped(f"[{Path(path).name}](../../{path}): {_sentences(names)}")
    return "\n".join([*lines, "", ""])


def _sentences(names: Sequence[str]) -> str:
    return "; ".join(name.removeprefix("test_").replace("_", " ") for name in names)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
