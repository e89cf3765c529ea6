"""The headings, anchors, links and lines of prose of a Markdown document, as GitHub shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.blocks import ROOT

__all__ = ["DOCUMENTS", "ROOT", "Link", "anchors", "broken", "links", "prose"]

DOCUMENTS: Final = (
    ROOT / "README.md",
    *sorted((ROOT / ".github").rglob("*.md")),
    *sorted((ROOT / "provider").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
    *sorted((ROOT / "examples").glob("*/*/README.md")),
)
"""All documents of the project that GitHub shows."""

_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")
_FRONT_MATTER: Final = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
_ID: Final = re.compile(r'<\w+ (?:id|name)="([^"]+)"')
_EXTERNAL: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_LINES: Final = re.compile(r"L(\d+)(?:-L(\d+))?")


class Link(NamedTuple):
    """A link or an image: the line where its paragraph begins, and its target as it is written."""

    line: int
    target: str


def anchors(text: str) -> set[str]:
    """Return the anchors of a document: those that GitHub gives to its headings, and its own ``<a id>``."""
    tokens = _parse(text)
    titles = [after.children or [] for each, after in pairwise(tokens) if _is_heading(each)]
    own = {found for token in _flat(tokens) if "html" in token.type for found in _ID.findall(token.content)}
    return {*_slugs([_plain(title) for title in titles]), *own}


def links(text: str) -> Iterator[Link]:
    """Yield the links and images of a document; those in code aren't links."""
    line = 0
    for token in _flat(_parse(text)):
        if token.map:
            line = token.map[0] + 1
        if target := token.attrs.get("href") or token.attrs.get("src"):
            yield Link(line, str(target))


def broken(document: Path) -> list[str]:
    """Return the relative links of a document whose file, line or anchor doesn't exist, with their line numbers."""
    found = links(document.read_text(encoding="utf-8"))
    return [
        f"{line}: {target}" for line, target in found if not _EXTERNAL.match(target) and not _exists(document, target)
    ]


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbers and the text of the lines in paragraphs, lists and headings, without the targets of links."""
    lines = text.splitlines()
    depth = 0
    for token in _parse(text):
        depth += token.nesting if token.type.startswith("table_") else 0
        if token.type == "inline" and token.map and not depth:
            for number in range(*token.map):
                yield number + 1, re.sub(r"\]\([^)]*\)", "]()", lines[number])


def _parse(text: str) -> list[Token]:
    """Return the tokens of a document, without the metadata of a page of the registry."""
    return _MARKDOWN.parse(_FRONT_MATTER.sub(lambda found: "\n" * found[0].count("\n"), text))


def _is_heading(token: Token) -> bool:
    return token.type == "heading_open"


def _flat(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


def _plain(tokens: Sequence[Token]) -> str:
    """Return the text of a heading without its marks."""
    return "".join(each.content for each in _flat(tokens) if each.type in ("text", "code_inline"))


def _slugs(titles: Sequence[str]) -> Iterator[str]:
    """Yield the anchor of each heading: https://github.com/Flet/github-slugger has GitHub's rules."""
    used: dict[str, int] = {}
    for title in titles:
        slug = plain = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        while slug in used:
            used[plain] += 1
            slug = f"{plain}-{used[plain]}"
        used[slug] = 0
        yield slug


def _exists(document: Path, target: str) -> bool:
    name, _, fragment = target.partition("#")
    path = (document.parent / name).resolve() if name else document
    if not path.exists() or not path.is_relative_to(ROOT):
        return False
    if not fragment:
        return True
    if path.suffix == ".md":
        return fragment in anchors(path.read_text(encoding="utf-8"))
    lines = _LINES.fullmatch(fragment)
    return lines is not None and int(lines[2] or lines[1]) <= len(path.read_text(encoding="utf-8").splitlines())
