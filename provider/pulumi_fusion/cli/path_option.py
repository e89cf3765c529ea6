"""The type of options whose value is a path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from pulumi_fusion.paths import absolute

__all__ = ["FilePath"]


class FilePath(click.ParamType[Path]):
    """An absolute path of a file, with ``~`` expanded, which shells don't do in ``--option=~/file``."""

    name = "file"

    def __init__(self, *, dash: bool = False) -> None:
        self._dash = dash

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; with ``dash``, ``-`` stays as it is. Fails for a folder, "", and ``~`` without a home.

        Without ``dash``, ``-`` fails as well, since it would be taken for a standard stream.
        """
        if not str(value):
            self.fail("the path is empty.", param, ctx)
        if str(value) == "-":
            if self._dash:
                return Path(value)
            self.fail("- isn't a file here. For a file of this name write ./-.", param, ctx)
        try:
            path = absolute(value, os.environ)
        except ValueError as wrong:
            self.fail(f"{value}: {wrong}. Write the path without a ~.", param, ctx)
        if path.is_dir():
            self.fail(f"{path} is a directory.", param, ctx)
        return path
