"""The links and the layout in the documents name files that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = [
    ROOT / "README.md",
    *(ROOT / "provider").glob("*.md"),
    *(ROOT / "provider" / "docs").glob("*.md"),
    *(ROOT / "examples").glob("*/README.md"),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_names_a_file(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_file_of_the_layout_exists() -> None:
    block = re.search(r"^## Layout\n\n```\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None

    assert [path for path in _listed(block[1]) if not path.exists()] == []


def _listed(layout: str) -> Iterator[Path]:
    """Yield the files and folders of the layout; each line is relative to the folder with a smaller indentation."""
    folders = {-1: ROOT}
    for line in layout.splitlines():
        depth = len(line) - len(line.lstrip())
        parent = folders[max(each for each in folders if each < depth)]
        first, *_ = line.split()
        if first.endswith("/"):
            folders = {each: folder for each, folder in folders.items() if each < depth} | {depth: parent / first}
            yield parent / first
        else:
            yield from (
                parent / name for name in re.findall(r"\b\w+\.(?:py|pth)\b", line) if name != "pulumi_fusion.pth"
            )
