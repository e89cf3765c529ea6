"""The files of examples/gitops/kubernetes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["FOLDER", "PROJECT", "dockerfile", "image_variables", "manifest", "manifests"]

FOLDER: Final = Path(__file__).resolve().parents[1] / "examples/gitops/kubernetes"
PROJECT: Final = FOLDER / "project"


def manifest(name: str) -> Any:
    """Return the object in a manifest."""
    return yaml.safe_load((FOLDER / "manifests" / name).read_text(encoding="utf-8"))


def manifests() -> dict[str, Any]:
    """Return the objects in all manifests, by the names of the files."""
    return {path.name: manifest(path.name) for path in sorted((FOLDER / "manifests").glob("*.yaml"))}


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with its argument on one line."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    return re.findall(r"^([A-Z]+) +(.*)$", text, re.MULTILINE)


def image_variables() -> dict[str, str]:
    """Return the variables that the Dockerfile sets; that of PATH refers to its former value."""
    pairs = [argument.partition("=") for instruction, argument in dockerfile() if instruction == "ENV"]
    return {name: value for name, _, value in pairs}
