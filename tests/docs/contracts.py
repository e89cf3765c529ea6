"""The import contracts of pyproject.toml, for the page about the architecture."""

from __future__ import annotations

import re

from tests.docs.blocks import ROOT

__all__ = ["contracts", "layers"]


def contracts() -> str:
    """Return the list of the names of the contracts."""
    return "".join(f"- {name}.\n" for name in re.findall(r'^name = "(.+)"$', _section(), re.MULTILINE))


def layers() -> str:
    """Return a list of the layers from the highest to the lowest, each with its modules."""
    [listed] = re.findall(r"^layers = \[\n(.*?)^\]", _section(), re.MULTILINE | re.DOTALL)
    names = [re.findall(r"[\w.]+", line) for line in listed.splitlines()]
    return "".join(f"{number}. {', '.join(f'`{name}`' for name in each)}\n" for number, each in enumerate(names, 1))


def _section() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\n[tool.importlinter]\n")[2]
