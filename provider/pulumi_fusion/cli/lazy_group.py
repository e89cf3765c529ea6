"""A group of commands, each imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from pulumi_fusion.posix import needs_posix

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group whose command C is ``PACKAGE.C.C``, so that help doesn't import the HTTP stack.

    Args:
        package: The package of the commands' modules.
        summaries: One line about each command, by name.
    """

    def __init__(self, *arguments: Any, package: str, summaries: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._package = package
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, or None."""
        if cmd_name not in self._summaries:
            return None
        try:
            command = getattr(import_module(f"{self._package}.{cmd_name}"), cmd_name)
        except ModuleNotFoundError as missing:
            if sentence := needs_posix(f"`{ctx.command_path} {cmd_name}`", missing):
                raise click.ClickException(sentence) from None
            raise
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))
