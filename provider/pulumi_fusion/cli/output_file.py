"""Write the file of an option in one step."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import click

from pulumi_fusion.errors import capped

__all__ = ["write_file"]


def write_file(path: Path, text: str, *, check: Callable[[Path], None] | None = None) -> None:
    """Write a text file, which has the old content until it has all of the new. A link stays one, and the mode is kept.

    Args:
        path: The file. Its folder must exist.
        text: The new content, in UTF-8 and with its own line ends.
        check: Raises to keep the old content; its argument is a file with the new one.

    Raises:
        ClickException: The file can't be written.
    """
    if not path.parent.exists():
        raise click.ClickException(f"can't write {path}: there is no folder {path.parent}")
    try:
        _write(path.resolve(), text, check)
    except OSError as failure:
        raise click.ClickException(f"can't write {path}: {capped(str(failure.strerror))}") from None


def _write(target: Path, text: str, check: Callable[[Path], None] | None) -> None:
    if target.exists() and not target.is_file():  # a pipe or a device can't be replaced
        with target.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        return
    new = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(4)}{target.suffix}")
    try:
        with new.open("x", encoding="utf-8", newline="") as file:
            if target.exists():
                new.chmod(target.stat().st_mode & 0o7777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if check:
            check(new)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
