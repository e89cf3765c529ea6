"""Read the text of a credential from a file or pipe, and strip quotes, white space and a byte order mark."""

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

# Bytes. A credential is shorter, and /dev/zero never ends.
_LONGEST: Final = 64 * 1024

# Seconds to wait until a pipe has a writer, and until that has written: it may ask for a password first.
_NO_WRITER_SECONDS: Final = 5.0
_WRITER_SECONDS: Final = 60.0

_REMEDY: Final = (
    "Put the credential into a file or into NETOSECRET: a pipe can be read once, and a Pulumi command starts several "
    "processes that need it"
)


class _Pipes:
    """The content of pipes, which can be read only once, by path and inode. Safe for threads and forked children."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int], Secret] = {}
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Replace the lock, which another thread of the parent may hold, and keep the content."""
        self._lock = threading.Lock()

    def text(self, path: Path, descriptor: int) -> str:
        """Return the content of the open pipe, from memory if it was read before."""
        status = os.fstat(descriptor)
        with self._lock:
            key = (str(path), status.st_dev, status.st_ino)
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
    """Return the text of the file ``name``, in which ``~`` is expanded.

    Waits at most a minute for a pipe, and reads it once per process. Raises ValueError with a clause on what is wrong.
    """
    try:
        path = Path(name).expanduser().absolute()
    except RuntimeError:
        raise ValueError(
            "can't be read: there is no home directory for its ~. Set HOME, or use an absolute path"
        ) from None
    except OSError as wrong:
        raise ValueError(f"can't be read: {wrong.strerror}. Use an absolute path") from None
    try:
        text = _text(path)
    except UnicodeDecodeError:
        raise ValueError(f"is not a UTF-8 text file: {path}") from None
    except OSError as wrong:
        raise ValueError(f"can't be read: {wrong.strerror}: {path}{_descriptor_remedy(path)}") from None
    if not bare(text):
        raise ValueError(f"is empty: {path}")
    return text


def _descriptor_remedy(path: Path) -> str:
    """Return the remedy if the path names a descriptor, which other processes don't have, else ""."""
    named = path.is_relative_to("/dev/fd") or path.is_relative_to("/proc")
    return f", perhaps a pipe of another process. {_REMEDY}" if named else ""


def _text(path: Path) -> str:
    # Without O_NONBLOCK, opening a pipe waits for its writer without limit.
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
        limit = _NO_WRITER_SECONDS
        try:
            chunk = os.read(descriptor, _LONGEST)
            if chunk:
                content += chunk
                continue
            if content or not is_pipe:
                return content
        except BlockingIOError:  # a writer has opened it
            limit = _WRITER_SECONDS
        left = began + limit - time.monotonic()
        if left <= 0:
            raise ValueError(f"is a pipe, and no complete credential was written to it within {limit:.0f} s. {_REMEDY}")
        # poll returns at once for a pipe whose writer closed it without writing.
        if any(event & ~select.POLLIN for _, event in poller.poll(left * 1000)):
            time.sleep(0.05)
    raise ValueError("is too long to be a credential")
