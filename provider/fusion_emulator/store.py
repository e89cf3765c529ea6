"""The state on disk: a whole state, then a line per change, used by one emulator at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import logging
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, Final

from fusion_emulator.documents import InvalidStateError, read, written, written_change
from fusion_emulator.state import Change, State

__all__ = ["StateFile", "StateFileBusy", "StateFileUnreadable"]

_log = logging.getLogger(__name__)

# The errors of a file system, such as a network mount, without flock(2) or without fsync(2) of a directory.
_UNSUPPORTED: Final = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF}

_LONGEST_LOG: Final = 4 * 1024 * 1024
"""Bytes of changes after which the file is rewritten, unless the state itself is longer. A start reads all of them."""


class StateFileBusy(RuntimeError):
    """Another emulator uses this state file."""


class StateFileUnreadable(RuntimeError):
    """The file is not a state; the text names the place, the reason and what to do."""


class StateFile:
    """The state file of one emulator, from construction to ``close``.

    The file itself is locked, so it doesn't matter by which name it is opened, and a file in its place gets the lock
    before it takes the place.
    """

    def __init__(self, path: Path) -> None:
        """Open and lock the file, which is created if it doesn't exist.

        Raises:
            StateFileBusy: Another emulator has locked it.
            StateFileUnreadable: It is not a regular file.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # Of a symbolic link the file is replaced, not the link.
        self._place = Path(os.path.realpath(path))
        self._file = self._opened()
        self._length = self._whole = 0

    def load(self) -> State | None:
        """Return the stored state, None if there is none yet, and remove what a killed emulator left behind.

        Raises:
            StateFileUnreadable: The content is not a state.
        """
        self._remove_drafts()
        content = self._content()
        if not content:
            return None
        try:
            found = read(content)
        except InvalidStateError as wrong:
            raise StateFileUnreadable(f"cannot read the state file {self.path}. {wrong}") from None
        self._length = self._whole = found.length
        if not found.current and self._is_linked():
            raise StateFileUnreadable(
                f"cannot convert the state file {self.path}, because it has another name (a hard link). Copy the file, "
                "and use the copy."
            )
        if not found.current:
            self.replace(found.state)
        elif not found.whole:
            self._tidy(found.state)
        return found.state

    def _tidy(self, state: State) -> None:
        """Replace a state and its changes by a whole state or, where that is not possible, prepare for more changes."""
        if not self._is_linked():
            # In a folder where no file can be created this one grows on.
            with contextlib.suppress(OSError):
                self.replace(state)
                return
        if not self._content().endswith(b"\n", 0, self._length):
            _write(self._file.fileno(), b"\n", self._length)
            self._length += 1

    def append(self, change: Change | State, state: State) -> None:
        """Store a change durably, or raise OSError; the file is as before then.

        Args:
            change: The change, or the whole state.
            state: The state after it.
        """
        line = written_change(change).encode()
        self._require_in_place()
        descriptor = self._file.fileno()
        try:
            # What is behind is part of a change that could not be stored.
            os.ftruncate(descriptor, self._length)
            _write(descriptor, line, self._length)
            os.fsync(descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._length)
            raise
        self._length += len(line)
        if self._length - self._whole > max(self._whole, _LONGEST_LOG) and not self._is_linked():
            self._whole = self._length
            # The change is stored already, so the file may stay as it is.
            with contextlib.suppress(OSError):
                self.replace(state)

    def _require_in_place(self) -> None:
        """Raise OSError after ``close``, or if another program emptied the file or put another one in its place."""
        if self._file.closed:
            raise OSError(errno.EBADF, "the emulator was stopped")
        if not _is_at(self._file, self._place) or os.fstat(self._file.fileno()).st_size < self._length:
            raise OSError(
                errno.ESTALE,
                f"another program replaced or shortened {self.path}. Restart the emulator, with a copy of the file or "
                "with another one",
            )

    def replace(self, state: State) -> None:
        """Replace the content of the file by a whole state, at once and durably, or raise OSError."""
        content = written(state).encode()
        # mkstemp creates with mode 0600.
        descriptor, name = tempfile.mkstemp(prefix=self._draft, dir=self._place.parent)
        draft = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            self._lock(draft)
            _write(descriptor, content, 0)
            os.fsync(descriptor)
            Path(name).replace(self._place)
        except BaseException:
            draft.close()
            Path(name).unlink(missing_ok=True)
            raise
        self._file.close()
        self._file = draft
        self._length = self._whole = len(content)
        _sync_directory(self._place.parent)

    def close(self) -> None:
        """Unlock the file."""
        self._file.close()

    @property
    def _draft(self) -> str:
        return f".{self._place.name}.draft-"

    def _opened(self) -> IO[bytes]:
        while True:
            with contextlib.ExitStack() as stack:
                # Not blocking, since a named pipe would wait for its other end.
                descriptor = os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o600)
                file = stack.enter_context(os.fdopen(descriptor, "r+b", buffering=0))
                self._require_regular(file)
                self._lock(file)
                # Another emulator may have replaced the file before it was locked.
                if _is_at(file, self._place):
                    stack.pop_all()
                    return file

    def _require_regular(self, file: IO[bytes]) -> None:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise StateFileUnreadable(f"cannot use {self.path} as a state file, since it is not a regular file")

    def _lock(self, file: IO[bytes]) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateFileBusy(
                f"{self.path} is in use by another emulator; stop that one or choose another state file"
            ) from None
        except OSError as wrong:
            if wrong.errno not in _UNSUPPORTED:
                raise
            _log.warning(
                "The file system of %s has no locks (%s): a second emulator on this state file would overwrite what "
                "this one keeps.",
                self.path,
                wrong.strerror,
            )

    def _content(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def _is_linked(self) -> bool:
        """Return whether the file has another name, under which it would stay as it is if this name were replaced."""
        return os.fstat(self._file.fileno()).st_nlink > 1

    def _remove_drafts(self) -> None:
        """Remove the files of replacements that a kill interrupted."""
        for each in self._place.parent.glob(f"{glob.escape(self._draft)}*"):
            each.unlink(missing_ok=True)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Return whether the file is the one at the path now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _write(descriptor: int, content: bytes, offset: int) -> None:
    rest = memoryview(content)
    while rest:
        written_now = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written_now:], offset + written_now


def _sync_directory(folder: Path) -> None:
    """Make a rename durable: fsync(2)."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    except OSError as wrong:
        if wrong.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(directory)
