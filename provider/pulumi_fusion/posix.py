"""Explain on other systems that a feature needs POSIX, instead of naming a module that can't be installed."""

from __future__ import annotations

import platform
from typing import Final

__all__ = ["needs_posix"]

# https://docs.python.org/3/library/unix.html
_MODULES: Final = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios"})


def needs_posix(what: str, missing: ModuleNotFoundError) -> str | None:
    """Return a sentence on ``what`` if the missing module exists only on POSIX systems, else None."""
    if missing.name not in _MODULES:
        return None
    return (
        f"{what} runs only on POSIX systems, and this is {platform.system() or 'another one'} (Python has no "
        f"{missing.name} here). On Windows, use it in WSL: https://learn.microsoft.com/windows/wsl/install"
    )
