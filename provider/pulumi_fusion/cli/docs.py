"""The command ``pulumi-fusion docs``: the pages of provider/docs, which the package contains."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import click
from markdown_it import MarkdownIt
from rich.markdown import Markdown

import pulumi_fusion
from pulumi_fusion.cli.output import console, print_table
from pulumi_fusion.documentation import more

__all__ = ["docs", "headings", "pages"]

_FRONT_MATTER: Final = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
_COMMENT: Final = re.compile(r"^ *<!--.*?-->\n?", re.DOTALL | re.MULTILINE)


class Heading(NamedTuple):
    """A heading of a page: the number of its line from 0, its level from 1, its text, and its anchor."""

    line: int
    level: int
    text: str
    anchor: str


@click.command(epilog=more("_index"))
@click.argument("page", required=False, metavar="[PAGE[#SECTION]]")
def docs(page: str | None) -> None:
    """Show a page of the documentation, or one of its sections. Without PAGE, list the pages.

    Needs neither the network nor a credential: the package contains the pages. The output is formatted on a terminal
    and is Markdown otherwise. SECTION is a heading in lower case with hyphens for spaces, as in the address of a
    section on GitHub. A zsh with the option EXTENDED_GLOB needs quotes around a name with #.

    \b
    Examples:
      pulumi-fusion docs
      pulumi-fusion docs troubleshooting
      pulumi-fusion docs errors#alreadyexists

    \b
    Exit codes: 0 shown; 1 the pages aren't installed; 2 no such page or section.
    """
    found = pages()
    if page is None:
        names = [name for name in found if "/" not in name]
        print_table(["Page", "Title"], ([name, _title(_text(found[name]))] for name in names))
        return
    name, _, anchor = page.partition("#")
    name = name.removesuffix(".md")
    if name not in found:
        raise click.BadParameter(f"there is no page {name!r}. {_nearest(name, found)}", param_hint="PAGE")
    text = _text(found[name])
    text = _section(text, anchor) if anchor else text
    if sys.stdout.isatty():
        console().print(Markdown(text, hyperlinks=False))
    else:
        click.echo(text, nl=False)


def pages() -> dict[str, Path]:
    """Return the files of the pages by their names. Raises ClickException if there are none."""
    package = Path(pulumi_fusion.__file__).parent
    # A wheel has them in the package; an editable install reads those of the repository.
    for folder in (package / "docs", package.parent / "docs"):
        if found := sorted(folder.rglob("*.md")):
            return {each.relative_to(folder).with_suffix("").as_posix(): each for each in found}
    raise click.ClickException(f"the pages are not installed in {package}. Install pulumi-fusion again.")


def headings(text: str) -> Iterator[Heading]:
    """Yield the headings of a page, with the anchors that GitHub gives them."""
    seen: dict[str, int] = {}
    without_metadata = _FRONT_MATTER.sub(lambda found: "\n" * found[0].count("\n"), text)
    for opening, content in pairwise(MarkdownIt().parse(without_metadata)):
        if opening.type == "heading_open" and opening.map:
            title = "".join(each.content for each in content.children or () if each.type in ("text", "code_inline"))
            anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            count = seen[anchor] = seen.get(anchor, -1) + 1
            yield Heading(opening.map[0], int(opening.tag[1]), title, f"{anchor}-{count}" if count else anchor)


def _text(file: Path) -> str:
    """Return a page without its metadata and without comments, which name the tests of its blocks."""
    return _COMMENT.sub("", _FRONT_MATTER.sub("", file.read_text(encoding="utf-8"))).lstrip("\n")


def _title(text: str) -> str:
    return next((each.text for each in headings(text)), "")


def _section(text: str, anchor: str) -> str:
    """Return a section with the sections below it. Raises BadParameter."""
    found = list(headings(text))
    start = next((each for each in found if each.anchor == anchor.lower()), None)
    if start is None:
        nearest = _nearest(anchor, [each.anchor for each in found])
        raise click.BadParameter(f"the page has no section {anchor!r}. {nearest}", param_hint="PAGE")
    end = next((each.line for each in found if each.line > start.line and each.level <= start.level), None)
    return "".join(text.splitlines(keepends=True)[start.line : end]).rstrip("\n") + "\n"


def _nearest(name: str, names: Iterable[str]) -> str:
    """Return a sentence with the names that are spelled almost like this one, or with those outside of folders."""
    known = list(names)
    if near := difflib.get_close_matches(name, known):
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {', '.join(each for each in known if '/' not in each)}."
