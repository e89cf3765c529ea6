"""Identify the process that writes a record, and check whether the one that wrote a start may still run."""

from __future__ import annotations

import os
import pwd
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from pulumi_fusion.sessions.audit.chain import Record
from pulumi_fusion.sessions.request import LONGEST

__all__ = ["STARTED", "identity", "may_run"]

STARTED: Final = "started"
"""The member of a CARRIED record with the time of the start."""

_PLACE: Final = ("host", "pid_namespace", "boot_id")
"""What must be equal for a process id to mean the same process: containers may have the same host name."""


def identity() -> Record:
    """Return the user and process, as the system reports them and not the environment, and the machine."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container whose user has no name
        user = str(os.getuid())
    return {"os_user": user, "uid": os.getuid(), **_place(), "pid": os.getpid(), "born": _born(os.getpid())}


def _place() -> Record:
    """Return the machine; its boot id and process namespace are None on systems without them.

    https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
    """
    try:
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path but a name such as pid:[4026531836]
    except OSError:
        namespace = None
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = None
    return {"host": socket.gethostname(), "pid_namespace": namespace, "boot_id": boot}


def _born(pid: int) -> str | None:
    """Return when a process began, as the kernel counts it: a later one with the same id has another value."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def may_run(start: Record) -> bool:
    """Return whether the session of a start record may still run.

    Its process is checked only if the record is from this boot and process namespace of this machine. Otherwise, and if
    the record lacks these, the session counts as over once the longest one would be.
    """
    place = _place()
    if any(name not in start or start[name] != place[name] for name in _PLACE):
        return not _long_ago(start.get(STARTED, start.get("time")))
    pid = start.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return start.get("born") in (None, _born(pid))


def _long_ago(when: object) -> bool:
    try:
        began = datetime.fromisoformat(str(when).replace("Z", "+00:00"))
        return datetime.now(timezone.utc) - began > LONGEST + timedelta(minutes=5)  # clocks differ
    except (ValueError, TypeError):  # no time, or one without a zone
        return True
