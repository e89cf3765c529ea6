"""The package of the emulator, which needs packages that not every installation has."""

from __future__ import annotations

import shlex
import sys

import click

from pulumi_fusion.posix import needs_posix

__all__ = ["require_emulator"]


def require_emulator() -> None:
    """Import the emulator, or raise ClickException with the reason and the command to install it."""
    try:
        import fusion_emulator  # noqa: F401
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith(("pulumi_fusion", "fusion_emulator")):
            raise
        if sentence := needs_posix("the emulator", missing):
            raise click.ClickException(sentence) from None
        raise click.ClickException(
            f"the emulator needs {missing.name}, which is not installed. Install it with: "
            f"{shlex.quote(sys.executable)} -m pip install 'pulumi-fusion[emulator]'"
        ) from None
