"""A child under supervision: run, not exec'ed, so that somebody is there to end it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pulumi_fusion.errors import capped
from pulumi_fusion.sessions.guard import READY, Orders
from pulumi_fusion.sessions.processes import end_all
from pulumi_fusion.sessions.scrubbing import scrubbed

__all__ = ["TIME_OVER", "Child", "Ended", "Noticed", "noticed", "supervise"]

TIME_OVER: Final = 124
"""The exit code when time ended the child, as of timeout(1)."""

WARNING: Final = 120.0
"""Seconds before the end at which it is announced."""

# What somebody sends to the helper is meant for the child; a terminal reaches the child itself.
_PASSED_ON: Final = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
    | {signal.SIGTSTP, signal.SIGCONT}
)
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

# Python ignores these two (https://docs.python.org/3/library/signal.html#general-rules), its children need not.
_IGNORED_BY_PYTHON: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


class Child(NamedTuple):
    """``program`` is its file, ``arguments`` its argv, ``environ`` all of its environment, ``shell`` says that it is
    an interactive shell.

    ``mark`` is a variable of the environment, ``NAME=VALUE``, by which its descendants are found. Should this process
    die, the watchdog writes ``last_words`` to stderr, ends the child and removes ``folder``, where there is one.
    """

    program: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    shell: bool
    mark: str
    last_words: str
    folder: Path | None = None


class Ended(NamedTuple):
    """How a child ended: ``code`` as shells count it, 128 + N for signal N, 124 for the end of time; and in words."""

    code: int
    how: str

    @classmethod
    def by(cls, number: int, when: str = "") -> Ended:
        """By a signal."""
        return cls(128 + number, f"ended by {signal.Signals(number).name}{when}")


class Noticed(NamedTuple):
    """Signals that came to this process: ``wake`` is a descriptor that can be read when one did, ``numbers`` are those
    to pass on, ``caught`` those that can get there.
    """

    wake: int
    numbers: list[int]
    caught: frozenset[signal.Signals]


@contextlib.contextmanager
def noticed() -> Iterator[Noticed]:
    """From here on signals do not end or stop this process; they are kept for :func:`supervise`. Main thread only.

    What this process was told to ignore, as by nohup(1), it goes on to ignore.
    """
    numbers: list[int] = []
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)

    def notice(number: int, frame: Any) -> None:
        if number != signal.SIGCHLD:
            numbers.append(number)

    caught = frozenset(number for number in _PASSED_ON if signal.getsignal(number) != signal.SIG_IGN)
    before = {number: signal.signal(number, notice) for number in (*caught, signal.SIGCHLD)}
    # Giving the terminal away and writing to it from behind would stop this process.
    before[signal.SIGTTOU] = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield Noticed(reading, numbers, caught)
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def supervise(
    child: Child,
    signals: Noticed,
    *,
    remaining: Callable[[], float],
    warn: Callable[[], None],
    over: Callable[[], None],
) -> Ended:
    """Run the child in a process group of its own, with the terminal if we have it, for ``remaining()`` seconds.

    Signals are passed on, a stopped child stops this process as well. ``warn`` is called two minutes before the end,
    ``over`` at the end, before the child is told. Then it gets TERM, and after five seconds everything that is marked
    or in its group gets KILL. Raises OSError when the program cannot be started.
    """
    with _guarded(child) as guarded, _Terminal() as terminal:
        for number in signals.numbers:
            if number in _ENDS:
                return Ended.by(number, " before it began")
        pid = os.posix_spawn(
            child.program,
            list(child.arguments),
            dict(child.environ),
            setpgroup=0,
            setsigmask=(),
            setsigdef={signal.SIGTTOU, *_IGNORED_BY_PYTHON, *signals.caught},
        )
        guarded(pid)
        terminal.give(pid)
        warned = remaining() <= WARNING
        while (status := _status(pid)) is None or os.WIFSTOPPED(status):
            if status is not None:
                _stopped(pid, os.WSTOPSIG(status), terminal, signals)
            left = remaining()
            if left <= 0:
                over()
                end_all(pid, child.mark, shell=child.shell)
                _status(pid)
                terminal.take_back(reset=True)
                return Ended(TIME_OVER, "time over")
            if not warned and left <= WARNING:
                warned = True
                warn()
            # No longer than a second: while the machine sleeps this clock stands still, and the session's does not.
            select.select([signals.wake], [], [], min(1.0, left))
            with contextlib.suppress(BlockingIOError):
                os.read(signals.wake, 512)
            while signals.numbers:
                _pass_on(pid, signals.numbers.pop(0), terminal)
        terminal.take_back(reset=os.WIFSIGNALED(status))
    if os.WIFSIGNALED(status):
        return Ended.by(os.WTERMSIG(status))
    code = os.WEXITSTATUS(status)
    return Ended(code, f"exit code {code}")


def _status(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    return status if done else None


def _pass_on(pid: int, number: int, terminal: _Terminal) -> None:
    if number == signal.SIGCONT:
        terminal.give(pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _stopped(pid: int, number: int, terminal: _Terminal, signals: Noticed) -> None:
    """The child was stopped: let it have the terminal if that is what it waits for; else stop as well."""
    asks = number in (signal.SIGTTIN, signal.SIGTTOU)
    if asks and terminal.grant(pid):
        _pass_on(pid, signal.SIGCONT, terminal)
        return
    terminal.take_back(reset=True)
    if signal.SIGTSTP in signals.caught:
        notice = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # The whole job, as Ctrl-Z does. The kernel lets it pass where no shell is there to continue it.
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, notice)
    if signal.SIGCONT not in signals.numbers and not asks:
        _pass_on(pid, signal.SIGCONT, terminal)


# The program of the watchdog. `python -c` looks for modules in the working directory first.
_WATCHDOG: Final = (
    "import sys; sys.path[:] = [each for each in sys.path if each]; "
    "from pulumi_fusion.sessions.guard import main; main()"
)
# What may change how a Python behaves is not for the watchdog, but for what it needs to find its own files.
_PYTHONS: Final = frozenset({"PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONEXECUTABLE"})


def _watchdog_environment() -> dict[str, str]:
    """Return all of this environment that holds no secret: an interpreter may need any of it to start, as it needs
    LD_LIBRARY_PATH where its library is in no usual place.
    """
    kept = scrubbed(os.environ)
    environ = {name: value for name, value in kept.items() if not name.startswith("PYTHON") or name in _PYTHONS}
    package = str(Path(__file__).resolve().parents[2])
    here = Path.cwd().resolve()
    # Its working directory is another, so relative paths would lead elsewhere; nothing is imported from this one.
    paths = [str(Path(each).resolve()) for each in sys.path if each and Path(each).resolve() != here]
    environ["PYTHONPATH"] = os.pathsep.join([*paths, package])
    return environ


@contextlib.contextmanager
def _guarded(child: Child) -> Iterator[Callable[[int], None]]:
    """Run a process in a session of its own that ends the child if this process dies; tell it the child's group.

    Raises ChildProcessError that quotes what that process wrote to stderr where it does not start.
    """
    stderr = os.dup(2)
    try:
        guard = subprocess.Popen(  # noqa: S603  # this very interpreter
            [sys.executable, "-c", _WATCHDOG],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_watchdog_environment(),
            cwd="/",
            start_new_session=True,
            pass_fds=[stderr],
            bufsize=0,
        )
    except OSError as wrong:
        raise _no_watchdog(wrong.strerror or str(wrong)) from None
    finally:
        os.close(stderr)
    with guard:
        stdin, stdout, errors = guard.stdin, guard.stdout, guard.stderr
        assert stdin is not None and stdout is not None and errors is not None  # noqa: S101 - PIPE was asked for

        def tell(word: object) -> None:
            # A watchdog that somebody ended guards no more; the child runs on.
            with contextlib.suppress(OSError):
                stdin.write(f"{word}\n".encode())

        tell(json.dumps(Orders(child.mark, child.shell, child.last_words, str(child.folder or ""), stderr)))
        if stdout.readline().decode(errors="replace").strip() != READY:
            guard.kill()
            lines = errors.read().decode(errors="replace").split("\n")
            raise _no_watchdog(next((line.strip() for line in reversed(lines) if line.strip()), "it wrote no reason"))
        yield tell
        # Not after an exception: the watchdog then does what this process could not.
        tell("done")


def _no_watchdog(why: str) -> ChildProcessError:
    return ChildProcessError(
        None, f"the watchdog that ends the session if its helper dies does not start ({sys.executable}: {capped(why)})"
    )


class _Terminal:
    """The controlling terminal, where there is one: who is in front may read it and gets its signals."""

    def __enter__(self) -> _Terminal:
        self._group = os.getpgrp()
        self._modes: list[Any] | None = None
        # Where stdin or stdout is a pipe, a pager or an editor next to us may have the terminal; the child then gets
        # it when it asks.
        self._wanted = os.isatty(0) and os.isatty(1)
        self._descriptor = -1
        with contextlib.suppress(OSError):
            self._descriptor = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        self.take_back(reset=False)
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def grant(self, group: int) -> bool:
        """Whether the child can have the terminal that it asked for."""
        self._wanted = True
        return self._front() in (self._group, group)

    def give(self, group: int) -> None:
        """Put the child in front if it wants to be and we are. It may have asked before, and been stopped for that."""
        if self._wanted and self._front() == self._group:
            with contextlib.suppress(OSError, termios.error):
                self._modes = termios.tcgetattr(self._descriptor)
                os.tcsetpgrp(self._descriptor, group)

    def take_back(self, *, reset: bool) -> None:
        """Be in front again if the child was; ``reset`` the modes that it left behind when it was killed."""
        if self._modes is None:
            return
        with contextlib.suppress(OSError, termios.error):
            os.tcsetpgrp(self._descriptor, self._group)
            if reset:
                termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._modes)
        self._modes = None

    def _front(self) -> int | None:
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self._descriptor)
        return None
