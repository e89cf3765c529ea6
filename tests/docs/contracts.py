"""The import contracts of pyproject.toml, for the page about the architecture."""

from __future__ import annotations

import re
import textwrap

from tests.docs.blocks import ROOT

__all__ = ["contracts", "layers"]


def contracts() -> str:
    """Return the list of the names of the contracts."""
    return "".join(f"- {name}.\n" for name in re.findall(r'^name = "(.+)"$', _section(), re.MULTILINE))


def layers() -> str:
    """Return the layers from the highest to the lowest, each with its modules."""
    [listed] = re.findall(r"^layers = \[\n(.*?)^\]", _section(), re.MULTILINE | re.DOTALL)
    names = [re.findall(r"[\w.]+", line) for line in listed.splitlines()]
    chain = " → ".join(" | ".join(f"`{name}`" for name in each) for each in names)
    return textwrap.fill(chain, 118, break_long_words=False, break_on_hyphens=False) + "\n"


def _section() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\n[tool.importlinter]\n")[2]
