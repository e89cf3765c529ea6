"""A child under supervision: run, not exec'ed, so that somebody is there to end it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pulumi_fusion.sessions.processes import end_all

__all__ = ["TIME_OVER", "Ended", "supervise"]

TIME_OVER: Final = 124
"""The exit code when time ended the child, as of timeout(1)."""

WARNING: Final = 120.0
"""Seconds before the end at which it is announced."""

# What somebody sends to the helper is meant for the child; a terminal reaches the child itself.
_PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Ended(NamedTuple):
    """How a child ended: ``code`` as shells count it, 128 + N for signal N, 124 for the end of time; and in words."""

    code: int
    how: str


def supervise(
    program: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    mark: str,
    remaining: Callable[[], float],
    warn: Callable[[], None],
    over: Callable[[], None],
) -> Ended:
    """Run ``program`` in a process group of its own, with the terminal if we have it, for ``remaining()`` seconds.

    Signals are passed on, a stopped child stops this process as well. ``warn`` is called two minutes before the end,
    ``over`` at the end, before the child is told. Then it gets TERM, and after five seconds everything that is marked
    or in its group gets KILL. Call it from the main thread. Raises OSError when the program cannot be started.
    """
    with _noticed() as (wake, noticed), _guarded(mark) as guarded, _Terminal() as terminal:
        pid = os.posix_spawn(
            program,
            list(arguments),
            dict(environ),
            setpgroup=0,
            setsigmask=(),
            # What this process ignores the child would ignore as well.
            setsigdef=(signal.SIGPIPE, signal.SIGTTOU, *_PASSED_ON),
        )
        guarded(pid)
        terminal.give(pid)
        warned = remaining() <= WARNING
        while (status := _status(pid)) is None or os.WIFSTOPPED(status):
            if status is not None:
                terminal.stopped_with(pid, os.WSTOPSIG(status))
            left = remaining()
            if left <= 0:
                over()
                end_all(pid, mark, lambda seconds: _reaped(pid, seconds))
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
                terminal.take_back(reset=True)
                return Ended(TIME_OVER, "time over")
            if not warned and left <= WARNING:
                warned = True
                warn()
            # No longer than a second: while the machine sleeps this clock stands still, and the session's does not.
            select.select([wake], [], [], min(1.0, left))
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 512)
            while noticed:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, noticed.pop(0))
        terminal.take_back(reset=os.WIFSIGNALED(status))
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Ended(128 + number, f"ended by {signal.Signals(number).name}")
    code = os.WEXITSTATUS(status)
    return Ended(code, f"exit code {code}")


def _status(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    return status if done else None


def _reaped(pid: int, seconds: float) -> None:
    """Wait, and bury the child if it died: a zombie would look alive where only its group can be asked."""
    select.select([], [], [], seconds)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@contextlib.contextmanager
def _noticed() -> Iterator[tuple[int, list[int]]]:
    """A descriptor that wakes a select when a signal comes, and the numbers of those to pass on."""
    numbers: list[int] = []
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)

    def notice(number: int, frame: Any) -> None:
        if number != signal.SIGCHLD:
            numbers.append(number)

    before = {number: signal.signal(number, notice) for number in (*_PASSED_ON, signal.SIGCHLD)}
    # Giving the terminal away and writing to it from behind would stop this process.
    before[signal.SIGTTOU] = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading, numbers
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


@contextlib.contextmanager
def _guarded(mark: str) -> Iterator[Callable[[int], None]]:
    """A process in a session of its own that ends the child if this process dies; tell it the child's group."""
    environ = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ}
    with subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
        [sys.executable, "-m", "pulumi_fusion.sessions.guard", mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environ,
        cwd="/",
        start_new_session=True,
        text=True,
    ) as guard:
        stdin = guard.stdin
        assert stdin is not None  # noqa: S101 - PIPE was asked for

        def tell(word: object) -> None:
            # A guard that somebody ended guards no more; the child is not told the less.
            with contextlib.suppress(OSError):
                stdin.write(f"{word}\n")
                stdin.flush()

        try:
            yield tell
        finally:
            tell("done")


class _Terminal:
    """The controlling terminal, where there is one and this process is in front."""

    def __enter__(self) -> _Terminal:
        self._descriptor = -1
        self._group = os.getpgrp()
        with contextlib.suppress(OSError):
            self._descriptor = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
            if os.tcgetpgrp(self._descriptor) == self._group:
                self._modes = termios.tcgetattr(self._descriptor)
                return self
            os.close(self._descriptor)
            self._descriptor = -1
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            self.take_back(reset=False)
            os.close(self._descriptor)

    def give(self, group: int) -> None:
        """Put the child in front. It may have asked for the terminal before, and been stopped for that."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(self._descriptor, group)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGCONT)

    def take_back(self, *, reset: bool) -> None:
        """Be in front again; ``reset`` the modes that a child left behind when it was killed."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError, termios.error):
                os.tcsetpgrp(self._descriptor, self._group)
                if reset:
                    termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._modes)

    def stopped_with(self, group: int, number: int) -> None:
        """The child was stopped: let whoever started us have the terminal, until we are continued."""
        wants_terminal = number in (signal.SIGTTIN, signal.SIGTTOU)
        in_front = self._descriptor >= 0 and os.tcgetpgrp(self._descriptor) in (group, self._group)
        if not (wants_terminal and in_front) and self._can_be_continued():
            self.take_back(reset=True)
            os.killpg(self._group, signal.SIGSTOP)
            # Continued: in front by `fg`, behind by `bg`.
            in_front = self._descriptor >= 0 and os.tcgetpgrp(self._descriptor) == self._group
        if in_front:
            self.give(group)
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

    @staticmethod
    def _can_be_continued() -> bool:
        """Whether a shell with job control started this process: its parent is of the session, in another group."""
        parent = os.getppid()
        with contextlib.suppress(OSError):
            return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
        return False
