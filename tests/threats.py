"""List the tests of each row of the threat model; run this module to write them to the page."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["PAGE", "filled", "marked_tests", "rows"]

_ROOT: Final = Path(__file__).parents[1]

PAGE: Final = _ROOT / "provider" / "docs" / "threat-model.md"

_ROW: Final = re.compile(r'^(\| <a id="([a-z-]+)"></a>(?:[^|]*\|){3}).*\|$', re.MULTILINE)


def marked_tests() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return, for each row that a test is marked with, the names of its tests by the path of their file."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted((_ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text())
        of_all = {row for node in module.body if isinstance(node, ast.Assign) for row in _marks(node.value)}
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for row in sorted(of_all.union(*map(_marks, node.decorator_list))):
                    found[row][path.relative_to(_ROOT).as_posix()].append(node.name)
    return found


def _marks(expression: ast.expr) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.threat":
            (row,) = node.args
            assert isinstance(row, ast.Constant)
            yield str(row.value)


def rows(page: str) -> list[str]:
    """Return the rows of the page that name tests."""
    return [row for _, row in _ROW.findall(page)]


def filled(page: str) -> str:
    """Return the page with the names of the tests in its last column."""
    by_row = marked_tests()

    def line(found: re.Match[str]) -> str:
        files = (
            f"[{Path(path).name}](../../{path}): {', '.join(name.removeprefix('test_') for name in names)}"
            for path, names in by_row.get(found[2], {}).items()
        )
        return f"{found[1]} {'<br>'.join(files)} |"

    return _ROW.sub(line, page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
