"""ARCHITECTURE.md names every module of the provider and every dependency."""

from __future__ import annotations

import re
from typing import Final

from tests.links import ROOT, links

PAGE: Final = (ROOT / "provider/ARCHITECTURE.md").read_text(encoding="utf-8")
PROJECT: Final = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def section(title: str) -> str:
    """Return the text below a heading of the page, up to the next one of the same level."""
    [found] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


def required() -> set[str]:
    """Return the packages that pyproject.toml requires: to run, with extras, and in groups."""
    parts = re.findall(
        r"^dependencies = \[.*?^\]|^\[project\.optional-dependencies\].*?^$|^\[dependency-groups\].*?^$",
        PROJECT,
        re.MULTILINE | re.DOTALL,
    )
    lines = [line for part in parts for line in part.splitlines() if not line.strip().startswith("#")]
    return {name for line in lines for name in re.findall(r'"([A-Za-z][\w.-]*)', line)}


def test_the_layout_links_every_module_and_package_of_the_provider() -> None:
    linked = {link.target.rstrip("/") for link in links(section("Layout"))}
    folder = ROOT / "provider" / "pulumi_fusion"
    modules = [each for each in folder.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()]

    assert {each.relative_to(ROOT / "provider").as_posix() for each in modules} - linked == set()


def test_the_table_of_dependencies_has_those_of_the_project() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", section("Dependencies"), re.MULTILINE)
    assert rows[0] == "Package"
    listed = [name for row in rows[1:] for name in row.split(", ")]

    assert sorted(listed) == sorted(required())
