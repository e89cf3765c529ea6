"""Every reference of the code to the documentation names a page and a section that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from pulumi_fusion import documentation, errors
from pulumi_fusion.cli.commands import COMMANDS, pulumi_fusion
from pulumi_fusion.cli.docs import headings, pages

CODE: Final = Path(documentation.__file__).parent


def references() -> Iterator[tuple[str, str]]:
    """Yield the page and the section, or "", of each call of ``more`` or ``reference``, and of each error class."""
    for file in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("more", "reference"):
                given = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if len(given) == len(node.args):
                    page, section = [*map(str, given), ""][:2]
                    yield page, section
    for name in errors.__all__:
        page, _, section = documentation.about_error(name).removeprefix(f"More: {documentation.BASE}").partition("#")
        yield page, section


def commands(group: click.Group, name: str = "pulumi-fusion") -> Iterator[tuple[str, click.Command]]:
    """Yield a group and all commands below it, with their names."""
    yield name, group
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {each}")
        elif command is not None:
            yield f"{name} {each}", command


@pytest.mark.parametrize(("page", "section"), sorted({*references()}))
def test_a_reference_names_an_existing_section(page: str, section: str) -> None:
    anchors = [each.anchor for each in headings(pages()[page].read_text(encoding="utf-8"))]
    assert section in ["", *anchors]


@pytest.mark.parametrize(("name", "command"), [*commands(pulumi_fusion)], ids=lambda each: str(each))
def test_the_help_of_a_command_ends_with_its_page(name: str, command: click.Command) -> None:
    shown = command.get_help(click.Context(command, info_name=name))
    assert shown.splitlines()[-1].strip().startswith(documentation.more(""))
    assert command.epilog is not None


def test_all_commands_are_checked() -> None:
    assert {f"pulumi-fusion {name}" for name in COMMANDS} <= {name for name, _ in commands(pulumi_fusion)}


def test_a_heading_in_a_code_block_is_part_of_the_block() -> None:
    page = "# A\n\n```sh\n# not a heading\n```\n\n~~~\n```\n# nor this\n~~~\n\n## `B` and [c](d.md): it's\n## A\n"
    assert [(each.level, each.text, each.anchor) for each in headings(page)] == [
        (1, "A", "a"),
        (2, "B and c: it's", "b-and-c-its"),
        (2, "A", "a-1"),
    ]


def test_the_symptoms_of_the_provider_are_parts_of_its_messages() -> None:
    texts = [
        node.value
        for file in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    page = pages()["troubleshooting"].read_text(encoding="utf-8")
    sections = re.findall(r"^## (?:Proxies and certificates|A warning)\n((?:(?!## ).*\n)*)", page, re.MULTILINE)
    symptoms = [
        each
        for section in sections
        for row in re.findall(r"^\|([^|]+)\|", section, re.MULTILINE)
        for each in re.findall(r"`([^`]+)`", row)
    ]
    assert len(sections) == 2
    assert [each for each in symptoms if not any(each in text for text in texts)] == []
