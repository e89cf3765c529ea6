"""A command under supervision, from its start to the end of all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from pulumi_fusion.sessions.clock import now
from pulumi_fusion.sessions.launch import watchdog
from pulumi_fusion.sessions.processes import GRACE, Family, adopt_orphans, require_proc
from pulumi_fusion.sessions.terminal import Terminal
from pulumi_fusion.sessions.waiting import wait
from pulumi_fusion.sessions.watchdog import ASKS, Orders, Report, receive, send

__all__ = ["FAILED", "TIME_OVER", "Child", "Ended", "Noticed", "noticed", "supervise"]

TIME_OVER: Final = 124
"""The exit code when time ended the child, as of timeout(1)."""

FAILED: Final = 125
"""The exit code when the session itself failed: the watchdog was killed, or the audit lacks the session's end. As of
timeout(1), env(1) and docker, for their own failures.
"""

WARNING: Final = 120.0
"""Seconds before the end at which it is announced."""

# Seconds after which a watchdog that does not report has been stopped, and the helper acts itself.
_SILENCE: Final = GRACE + 3.0

# What is sent to the helper is meant for the child.
_PASSED_ON: Final = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
    | {signal.SIGTSTP, signal.SIGCONT}
)
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

# Python ignores these two (https://docs.python.org/3/library/signal.html#general-rules), its children need not.
_IGNORED_BY_PYTHON: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


class Child(NamedTuple):
    """What to run.

    Args:
        program: The file.
        arguments: Its argv.
        environ: All of its environment.
        shell: It is an interactive shell.
        mark: The variable (name, value) of its environment that marks its descendants.
        last_words: What the watchdog writes to stderr if this process dies.
        folder: What the watchdog removes if this process dies.
        may_stop: This process stops when the child is stopped, so that the shell that started it takes over. Without
            a terminal it never does, for nothing would continue it.
    """

    program: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    shell: bool
    mark: tuple[str, str]
    last_words: str
    folder: Path | None = None
    may_stop: bool = True


class Ended(NamedTuple):
    """How a child ended.

    Args:
        code: Its exit code as shells count it: 128 + N for signal N, 124 for the end of time.
        how: The same in words.
        also: The processes that it had started and that were ended with it.
        left: Those that could not be ended.
    """

    code: int
    how: str
    also: Sequence[str] = ()
    left: Sequence[str] = ()

    @classmethod
    def by(cls, number: int, when: str = "") -> Ended:
        """By a signal."""
        known = number in {*signal.Signals}  # most real-time signals have no name
        return cls(128 + number, f"ended by {signal.Signals(number).name if known else f'signal {number}'}{when}")


class Noticed(NamedTuple):
    """Signals that came to this process.

    Args:
        wake: A descriptor that can be read when one came.
        numbers: Those to pass on.
        caught: Those that can get there.
    """

    wake: int
    numbers: list[int]
    caught: frozenset[signal.Signals]


@contextlib.contextmanager
def noticed() -> Iterator[Noticed]:
    """Keep signals for :func:`supervise` instead of being ended or stopped by them. Main thread only.

    What this process was started to ignore, as by nohup(1), stays ignored. What it was started to block does not stay
    blocked: no tool does that for a purpose.
    """
    numbers: list[int] = []
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)

    def notice(number: int, frame: Any) -> None:
        numbers.append(number)

    caught = frozenset(number for number in _PASSED_ON if signal.getsignal(number) != signal.SIG_IGN)
    before = {number: signal.signal(number, notice) for number in (*caught, signal.SIGWINCH)}
    # Writing to the terminal from the background would stop this process.
    before[signal.SIGTTOU] = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, {*caught, signal.SIGWINCH, signal.SIGCHLD})
    try:
        yield Noticed(reading, numbers, caught)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
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
    """Run the child in a session of its own for ``remaining()`` seconds, and end all that it started with it.

    Where this process has a terminal, the child has a pseudo terminal in its place. Signals are passed on.

    Args:
        warn: Called two minutes before the end.
        over: Called when the time is over, before the child is ended.

    Raises:
        OSError: The child cannot be started.
    """
    require_proc()
    with contextlib.ExitStack() as stack:
        terminal = _terminal()
        if terminal is not None:
            stack.callback(terminal.close)
        process, channel = stack.enter_context(watchdog(terminal.outer if terminal else None))
        for number in signals.numbers:
            if number in _ENDS:
                return Ended.by(number, " before it began")
        return _Supervision(child, signals, terminal, process, channel, remaining, warn, over).run()


def _terminal() -> Terminal | None:
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    os.close(descriptor)
    return Terminal()


class _Supervision:
    def __init__(
        self,
        child: Child,
        signals: Noticed,
        terminal: Terminal | None,
        watchdog: int,
        channel: Connection,
        remaining: Callable[[], float],
        warn: Callable[[], None],
        over: Callable[[], None],
    ) -> None:
        self._child = child
        self._signals = signals
        self._terminal = terminal
        self._watchdog = watchdog
        self._channel = channel
        self._remaining = remaining
        self._warn = warn
        self._over = over
        self._warned = remaining() <= WARNING
        self._ordered_at: float | None = None
        # What a shell had started before it became the helper, as by `exec pulumi-fusion ... > >(tee log)`.
        self._older = [each for each in psutil.Process().children() if each.pid != watchdog]

    def run(self) -> Ended:
        """Start the child and return how it ended. Raises OSError."""
        adopt_orphans()
        self._start()
        while True:
            self._mind_the_time()
            if self._ordered_at is not None and now() > self._ordered_at + _SILENCE:
                return self._end_it_here(TIME_OVER, "time over")
            ready = self._wait()
            self._pass_signals_on()
            if self._channel.fileno() in ready:
                message = receive(self._channel)
                if message is None:
                    return self._end_it_here(FAILED, "ended, since its watchdog was ended")
                if (ended := self._heard(Report(**message))) is not None:
                    return ended

    def _start(self) -> None:
        child, terminal = self._child, self._terminal
        orders = Orders(
            program=child.program,
            arguments=child.arguments,
            environ=dict(child.environ),
            mark=child.mark,
            shell=child.shell,
            ends=now() + self._remaining(),
            defaults=sorted({signal.SIGTTOU, *_IGNORED_BY_PYTHON, *self._signals.caught}),
            terminal=terminal.path if terminal else "",
            streams=terminal.streams if terminal else (),
            front=bool(terminal and terminal.enter()),
            last_words=child.last_words,
            folder=str(child.folder or ""),
        )
        send(self._channel, asdict(orders))

    def _mind_the_time(self) -> None:
        left = self._remaining()
        if left <= 0:
            self._time_over()
        elif not self._warned and left <= WARNING:
            self._warned = True
            self._warn()

    def _time_over(self) -> None:
        """Announce the end once, and have the watchdog end everything."""
        if self._ordered_at is None:
            self._ordered_at = now()
            self._over()
            with contextlib.suppress(OSError):
                os.kill(self._watchdog, signal.SIGCONT)  # the child may have stopped it
            send(self._channel, "end")

    def _wait(self) -> list[int]:
        """Wait for something to do, and relay meanwhile; return what can be read.

        No longer than a second: while the machine sleeps the clock of select stands still, and the session's does not.
        """
        terminal = self._terminal
        readers = terminal.readers() if terminal else []
        writers = terminal.writers() if terminal else []
        seconds = min(1.0, self._remaining() or 1.0)
        readers += [self._signals.wake, self._channel.fileno()]
        ready = wait(readers, writers, seconds=seconds)
        if self._signals.wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._signals.wake, 512)
        if terminal:
            terminal.relay(ready)
        return ready

    def _pass_signals_on(self) -> None:
        while self._signals.numbers:
            number = self._signals.numbers.pop(0)
            if number == signal.SIGWINCH:
                if self._terminal:
                    self._terminal.resize()
                continue
            if number == signal.SIGCONT and self._terminal:
                send(self._channel, {"front": self._terminal.enter()})
            send(self._channel, {"signal": number})

    def _heard(self, report: Report) -> Ended | None:
        if report.failed:
            raise OSError(None, report.failed)
        if report.started and self._terminal:
            self._terminal.begin()
        if report.stopped:
            self._stopped(report.stopped)
        if not report.over:
            return None
        if report.time_over:
            self._time_over()
            return Ended(TIME_OVER, "time over", report.ended, report.left)
        assert report.status is not None  # noqa: S101 - the watchdog knows how its child ended
        if os.WIFSIGNALED(report.status):
            return Ended.by(os.WTERMSIG(report.status))._replace(also=report.ended, left=report.left)
        code = os.WEXITSTATUS(report.status)
        return Ended(code, f"exit code {code}", report.ended, report.left)

    def _stopped(self, number: int) -> None:
        """The child was stopped: let it have the terminal if that is what it waits for; else stop as well."""
        asks = number in ASKS
        if asks and self._terminal and self._terminal.enter_on_request():
            send(self._channel, {"front": True})
            send(self._channel, {"signal": signal.SIGCONT})
            return
        if self._terminal is None or not self._child.may_stop or signal.SIGTSTP not in self._signals.caught:
            return
        self._terminal.leave()
        send(self._channel, {"front": False})
        notice = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # The whole job, as Ctrl-Z does. The kernel ignores it where no shell is there to continue it.
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, notice)
        if signal.SIGCONT not in self._signals.numbers and not asks:
            self._signals.numbers.append(signal.SIGCONT)

    def _end_it_here(self, code: int, how: str) -> Ended:
        """End everything without the watchdog, whose descendants are this process's as well."""
        with contextlib.suppress(OSError):
            os.kill(self._watchdog, signal.SIGKILL)
        return Ended(
            code, how, *Family(self._child.mark, spare=(self._watchdog, *_with_descendants(self._older))).end()
        )


def _with_descendants(processes: Iterable[psutil.Process]) -> Iterator[int]:
    for each in processes:
        yield each.pid
        with contextlib.suppress(psutil.Error):
            yield from (below.pid for below in each.children(recursive=True))
