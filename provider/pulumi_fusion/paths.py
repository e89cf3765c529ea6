"""Paths from users: expand ``~``, and explain a missing home or a file of another owner."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["NoHomeError", "absolute", "home", "owner_problem"]


class NoHomeError(ValueError):
    """Neither HOME nor the user database names the home directory."""

    def __init__(self) -> None:
        super().__init__(f"HOME is not set, and the user database names no home for the user id {os.getuid()}")


def home(environ: Mapping[str, str]) -> Path:
    """Return HOME if it is an absolute path, else the home in the user database. Raises NoHomeError."""
    for named in (environ.get("HOME", ""), _entry(os.getuid()).get("home", "")):
        if Path(named).is_absolute():
            return Path(named)
    raise NoHomeError


def absolute(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Path:
    """Return the path with ``~`` or ``~user`` expanded; a relative one is resolved against the working directory.

    Raises NoHomeError, and ValueError for a ``~user`` that doesn't exist.
    """
    text = os.fspath(path)
    first, _, rest = text.partition("/")
    if not first.startswith("~"):
        return Path(text).absolute()
    if first == "~":
        return home(environ) / rest.lstrip("/")
    found = _entry(first[1:]).get("home")
    if not found:
        raise ValueError(f"{text!r} begins with the home of a user that does not exist")
    return Path(found) / rest.lstrip("/")


def owner_problem(path: Path, environ: Mapping[str, str]) -> str:
    """Return a sentence that names another owner of the existing part of ``path``, or "" if this user owns it.

    A command that ran with sudo may leave such files and folders in a home; there the sentence has the remedy.
    """
    me = os.geteuid()
    for each in (path, *path.parents):
        try:
            owner = each.lstat().st_uid
        except OSError:  # it doesn't exist, or the folder above it can't be read
            continue
        if owner == me:
            return ""
        problem = f"{each} belongs to {_name(owner)}, and this is {_name(me)}."
        try:
            inside = each.is_relative_to(home(environ)) and each != home(environ)
        except NoHomeError:
            inside = False
        return f"{problem} If a command with sudo left it there: `sudo chown -R {me} {each}`." if inside else problem
    return ""


def _name(user: int) -> str:
    return _entry(user).get("name") or f"user id {user}"


def _entry(user: int | str) -> dict[str, str]:
    """Return the name and home of a user in the user database, or an empty dict."""
    import pwd  # not available on Windows, where commands that don't need it work

    try:
        found = pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    except KeyError:
        return {}
    return {"name": found.pw_name, "home": found.pw_dir}
