"""Paths that a user names: ``~`` is expanded, and a missing home or a foreign owner is named as the reason."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["NoHome", "absolute", "home", "owner_problem"]


class NoHome(ValueError):
    """Neither HOME nor the user database names the home directory."""

    def __init__(self) -> None:
        super().__init__(f"HOME is not set, and the user database names no home for the user id {os.getuid()}")


def home(environ: Mapping[str, str]) -> Path:
    """Return HOME where it is an absolute path, else the home of the user database. Raises NoHome."""
    for named in (environ.get("HOME", ""), _entry(os.getuid()).get("home", "")):
        if Path(named).is_absolute():
            return Path(named)
    raise NoHome


def absolute(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Path:
    """Return the path with ``~`` or ``~user`` expanded; a relative one is resolved against the working directory.

    Raises NoHome, and ValueError for the ``~user`` of nobody.
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
    """Return a sentence that names another user who owns what exists of ``path``, or "" where this user owns it.

    A command that once ran with sudo leaves such files and folders in a home; there the sentence says how to repair it.
    """
    me = os.geteuid()
    for each in (path, *path.parents):
        try:
            owner = each.lstat().st_uid
        except OSError:  # it does not exist, or the folder above it hides it
            continue
        if owner == me:
            return ""
        said = f"{each} belongs to {_name(owner)}, and this is {_name(me)}."
        try:
            inside = each.is_relative_to(home(environ)) and each != home(environ)
        except NoHome:
            inside = False
        return f"{said} If a command with sudo left it there: `sudo chown -R {me} {each}`." if inside else said
    return ""


def _name(user: int) -> str:
    return _entry(user).get("name") or f"user id {user}"


def _entry(user: int | str) -> dict[str, str]:
    """Return name and home of the user database, nothing where it has no such user."""
    import pwd  # not on Windows, where other commands than those that need it work

    try:
        found = pwd.getpwnam(user) if isinstance(user, str) else pwd.getpwuid(user)
    except KeyError:
        return {}
    return {"name": found.pw_name, "home": found.pw_dir}
