"""The text of a credential: from a file or pipe, and without what editors and env files put around it."""

from __future__ import annotations

import os
import select
import stat
import threading
import time
from pathlib import Path
from typing import Final

from pulumi_fusion.forking import renew_in_child
from pulumi_fusion.redaction import Secret

__all__ = ["bare", "read_credential"]

# Bytes. A longer text is not a credential, and /dev/zero never ends.
_LONGEST: Final = 64 * 1024

# Seconds to wait for a pipe's writer to appear, and for what it writes: it may ask for a password first.
_NO_WRITER: Final = 5.0
_WRITER: Final = 60.0

_REMEDY: Final = (
    "Put the credential into a file or into NETOSECRET: a pipe can be read once, and a Pulumi command starts several "
    "processes that need it"
)


class _Pipes:
    """What came through pipes, by path and inode, for it comes once. Safe for threads and for forked children."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int], Secret] = {}
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Leave behind the lock that a thread of the parent may hold; what was read is kept."""
        self._lock = threading.Lock()

    def text(self, path: Path, descriptor: int) -> str:
        """Return what comes through the open pipe, or what came the first time."""
        held = os.fstat(descriptor)
        with self._lock:
            key = (str(path), held.st_dev, held.st_ino)
            if key not in self._kept:
                self._kept[key] = Secret(_content(descriptor, is_pipe=True).decode())
            return self._kept[key].reveal()


_pipes: Final = _Pipes()


def bare(text: str) -> str:
    """Return the credential without white space, a byte order mark and one pair of quotes around it."""
    text = text.strip().lstrip("\ufeff").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1].strip()
    return text


def read_credential(name: str) -> str:
    """Return the text of the file called ``name``, in which ``~`` is the home directory.

    Never waits for longer than a minute, and reads a pipe once per process. Raises ValueError with what is wrong.
    """
    try:
        path = Path(name).expanduser().absolute()
    except RuntimeError:
        raise ValueError(
            "cannot be read: no home directory for its ~. Set HOME, or give the path from the root"
        ) from None
    except OSError as wrong:
        raise ValueError(f"cannot be read: {wrong.strerror}: give the path from the root") from None
    try:
        text = _text(path)
    except UnicodeDecodeError:
        raise ValueError(f"is not a UTF-8 text file: {path}") from None
    except OSError as wrong:
        raise ValueError(f"cannot be read: {wrong.strerror}: {path}{_of_another(path)}") from None
    if not bare(text):
        raise ValueError(f"is empty: {path}")
    return text


def _of_another(path: Path) -> str:
    """Return the remedy where the name is that of a descriptor, which other processes have not."""
    named = path.is_relative_to("/dev/fd") or path.is_relative_to("/proc")
    return f", perhaps a pipe of another process. {_REMEDY}" if named else ""


def _text(path: Path) -> str:
    # Without O_NONBLOCK, opening a pipe waits for its writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return _pipes.text(path, descriptor)
        return _content(descriptor, is_pipe=False).decode()
    finally:
        os.close(descriptor)


def _content(descriptor: int, *, is_pipe: bool) -> bytes:
    content, began = b"", time.monotonic()
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    while len(content) <= _LONGEST:
        patience = _NO_WRITER
        try:
            chunk = os.read(descriptor, _LONGEST)
            if chunk:
                content += chunk
                continue
            if content or not is_pipe:
                return content
        except BlockingIOError:  # somebody is about to write
            patience = _WRITER
        left = began + patience - time.monotonic()
        if left <= 0:
            raise ValueError(f"is a pipe, and no complete credential came through it in {patience:.0f} s. {_REMEDY}")
        # A writer that came and went without a word would be reported again and again.
        if any(event & ~select.POLLIN for _, event in poller.poll(left * 1000)):
            time.sleep(0.05)
    raise ValueError("is too long to be a credential")
