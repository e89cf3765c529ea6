"""The documents: their links and anchors exist, and they are short enough to read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pulumi_fusion.cli.docs import headings, pages
from tests import links
from tests.links import DOCUMENTS, ROOT

README: Final = ROOT / "README.md"
LONGEST_LINE: Final = 120
LONGEST: Final = {"provider/ARCHITECTURE.md": 290}
"""The lines that a document may have, where that isn't 199."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_relative_link_and_its_anchor_exist(document: Path) -> None:
    assert links.broken(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_line_of_prose_has_at_most_120_characters(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    assert [f"{number}: {line}" for number, line in links.prose(text) if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path != README], ids=name)
def test_a_document_is_short_enough_to_read(document: Path) -> None:
    assert len(document.read_text(encoding="utf-8").splitlines()) <= LONGEST.get(name(document), 199)


def test_the_readme_has_120_to_180_lines() -> None:
    assert 120 <= len(README.read_text(encoding="utf-8").splitlines()) <= 180


@pytest.mark.parametrize("page", pages().values(), ids=name)
def test_the_command_docs_finds_the_same_anchors(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert {each.anchor for each in headings(text)} == links.anchors(text) - {*re.findall(r' id="([^"]+)"', text)}


def test_an_anchor_is_the_one_that_github_gives_to_a_heading() -> None:
    text = "# A `code`, *a* [link](x.md) & more?\n## Twice\n## Twice\n## Twice-1\n## Ünïts_1.2\n"
    text += '| a |\n|-|\n| <a id="b"></a>c |\n'

    assert links.anchors(text) == {"a-code-a-link--more", "twice", "twice-1", "twice-1-1", "ünïts_12", "b"}


@pytest.mark.parametrize(
    "link",
    [
        "missing.md",
        "page.md#missing",
        "#missing",
        "../../../outside.md",
        "code.py#L3",
        "code.py#function",
        "missing.svg",
    ],
)
def test_a_broken_link_is_found(link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("# Title\n")
    (tmp_path / "code.py").write_text("1\n2\n")
    document = tmp_path / "document.md"
    document.write_text(
        f"# Title\n\n[fine](page.md#title), [code](code.py#L1-L2), [here](#title), <https://example.com/x#y>,\n"
        f"`[code](no-link.md)` and ![broken]({link})\n"
    )

    assert links.broken(document) == [f"3: {link}"]


def test_lines_of_tables_code_and_targets_of_links_may_be_long() -> None:
    long = "x" * 200
    text = f"A [link]({long}).\n\n| a |\n|---|\n| {long} |\n\n```sh\n{long}\n```\n\n<!-- {long} -->\n\n- {long}\n"

    assert [number for number, line in links.prose(text) if len(line) > LONGEST_LINE] == [13]
