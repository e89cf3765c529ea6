"""Protect the credential of this process from other processes of the same user."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from pathlib import Path
from typing import Final

import click

from pulumi_fusion.sessions.processes import hide_memory

__all__ = ["close_inherited_secret_fds", "reexec_without_secret", "reopen_closed_std_fds"]

_PASSED: Final = "FUSION_PASSED_NETOSECRET"
"""The variable in which this program passes itself the descriptor of a pipe with its credential."""


def reopen_closed_std_fds() -> None:
    """Open closed standard streams, whose numbers the next opened file would get, which the child would inherit."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def reexec_without_secret() -> None:
    """Start this program again without the credential in its environment, and pass it through a pipe.

    Other processes of this user can read the environment with which a process was started for as long as it runs.
    """
    secret = os.environ.get("NETOSECRET")
    if secret:
        reading, writing = os.pipe()
        text = secret.encode(errors="surrogateescape")
        if len(text) > 60_000:  # a pipe buffers 64 KiB; a credential is shorter
            raise click.ClickException("NETOSECRET is too long to be a credential.")
        os.write(writing, text)
        os.close(writing)
        os.set_inheritable(reading, True)
        environ = {name: value for name, value in os.environ.items() if name != "NETOSECRET"}
        environ[_PASSED] = str(reading)
        os.execve(sys.executable, sys.orig_argv, environ)  # noqa: S606 - this very program
    if passed := re.fullmatch(r"/dev/fd/([0-9]+)", os.environ.get("FUSION_NETOSECRET_FILE", "")):
        os.set_inheritable(int(passed[1]), False)
    hide_memory()
    _read_passed_secret()


def _read_passed_secret() -> None:
    """Set NETOSECRET from the pipe; other processes can't read variables that a process sets itself."""
    passed = os.environ.pop(_PASSED, "")
    if passed.isdecimal():
        with os.fdopen(int(passed), "rb") as pipe:
            os.environ["NETOSECRET"] = pipe.read().decode(errors="surrogateescape")


def close_inherited_secret_fds(path: str) -> None:
    """Close descriptors of the file with the credential, also ``/dev/stdin``, before the child inherits them.

    It could read the file from the beginning. A pipe is empty once it was read.
    """
    try:
        secret_file = Path(path).expanduser().stat()
    except OSError:  # removed since it was read
        return
    if not stat.S_ISREG(secret_file.st_mode):
        return
    for descriptor in [int(each.name) for each in Path("/dev/fd").iterdir()]:
        with contextlib.suppress(OSError):  # the one of the listing itself
            if not os.path.samestat(secret_file, os.fstat(descriptor)):
                continue
            if descriptor > 2:
                os.set_inheritable(descriptor, False)
            else:
                nothing = os.open(os.devnull, os.O_RDWR)
                os.dup2(nothing, descriptor)
                os.close(nothing)
