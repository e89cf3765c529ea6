"""Run a command under supervision, from its start to the end of all that it started."""

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
from pulumi_fusion.sessions.processes import GRACE, SessionProcesses, adopt_orphans, require_proc
from pulumi_fusion.sessions.terminal import Terminal
from pulumi_fusion.sessions.waiting import wait
from pulumi_fusion.sessions.watchdog import TERMINAL_REQUESTS, CommandConfig, Report, receive, send

__all__ = ["FAILED", "TIME_OVER", "CaughtSignals", "Child", "Ended", "catch_signals", "supervise"]

TIME_OVER: Final = 124
"""The exit code if the time was over before the child ended, as of timeout(1)."""

FAILED: Final = 125
"""The exit code if the session itself failed: the watchdog was killed, or the audit lacks the session's end.

timeout(1), env(1) and docker use it for their own failures.
"""

WARNING: Final = 120.0
"""Seconds before the end at which it is announced."""

# Seconds after which a watchdog that doesn't report counts as stopped, and the helper acts itself.
_WATCHDOG_TIMEOUT: Final = GRACE + 3.0

# Signals to the helper are forwarded to the child.
_FORWARDED: Final = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
    | {signal.SIGTSTP, signal.SIGCONT}
)
_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

# Python ignores these two (https://docs.python.org/3/library/signal.html#general-rules); its children must not.
_IGNORED_BY_PYTHON: Final = frozenset({signal.SIGPIPE, signal.SIGXFSZ})


class Child(NamedTuple):
    """What to run.

    Args:
        program: The file.
        arguments: Its argv.
        environ: All of its environment.
        shell: It is an interactive shell.
        mark: The variable (name, value) of its environment that marks its descendants.
        helper_died_text: What the watchdog writes to stderr if this process dies.
        folder: What the watchdog removes if this process dies.
        may_stop: This process stops when the child is stopped, so that the shell that started it gets the terminal.
            Without a terminal it never stops, since no shell would continue it.
    """

    program: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    shell: bool
    mark: tuple[str, str]
    helper_died_text: str
    folder: Path | None = None
    may_stop: bool = True


class Ended(NamedTuple):
    """How a child ended.

    Args:
        code: Its exit code as shells count it: 128 + N for signal N, 124 if the time was over.
        how: The same as a phrase.
        also: The processes that it had started and that were ended with it.
        left: Those that couldn't be ended.
    """

    code: int
    how: str
    also: Sequence[str] = ()
    left: Sequence[str] = ()

    @classmethod
    def by(cls, number: int, when: str = "") -> Ended:
        """Return the end by a signal; ``when`` is appended to the phrase."""
        known = number in {*signal.Signals}  # most real-time signals have no name
        return cls(128 + number, f"ended by {signal.Signals(number).name if known else f'signal {number}'}{when}")


class CaughtSignals(NamedTuple):
    """Signals that this process received.

    Args:
        wake: A descriptor that becomes readable when a signal is received.
        numbers: The signals to forward.
        caught: The signals that are caught and forwarded.
    """

    wake: int
    numbers: list[int]
    caught: frozenset[signal.Signals]


@contextlib.contextmanager
def catch_signals() -> Iterator[CaughtSignals]:
    """Collect signals for :func:`supervise` instead of being ended or stopped by them. Main thread only.

    A signal that this process inherited as ignored, as from nohup(1), stays ignored. One that it inherited as blocked
    is unblocked, since no tool blocks signals for its children on purpose.
    """
    numbers: list[int] = []
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)

    def catch(number: int, frame: Any) -> None:
        numbers.append(number)

    caught = frozenset(number for number in _FORWARDED if signal.getsignal(number) != signal.SIG_IGN)
    before = {number: signal.signal(number, catch) for number in (*caught, signal.SIGWINCH)}
    # Writing to the terminal from the background would stop this process.
    before[signal.SIGTTOU] = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, {*caught, signal.SIGWINCH, signal.SIGCHLD})
    try:
        yield CaughtSignals(reading, numbers, caught)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


def supervise(
    child: Child,
    signals: CaughtSignals,
    *,
    remaining: Callable[[], float],
    warn: Callable[[], None],
    over: Callable[[], None],
) -> Ended:
    """Run the child in its own session for ``remaining()`` seconds, and end all that it started with it.

    If this process has a terminal, the child gets a pseudo terminal in its place. Signals are forwarded.

    Args:
        child: What to run.
        signals: The signals that :func:`catch_signals` collects.
        remaining: Returns the seconds that are left.
        warn: Called two minutes before the end.
        over: Called when the time is over, before the child is ended.

    Raises:
        OSError: The child can't be started.
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
        callbacks = _Callbacks(remaining, warn, over)
        return _Supervision(child, signals, terminal, process, channel, callbacks).run()


def _terminal() -> Terminal | None:
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    os.close(descriptor)
    return Terminal()


class _Callbacks(NamedTuple):
    remaining: Callable[[], float]
    warn: Callable[[], None]
    over: Callable[[], None]


class _Supervision:
    def __init__(
        self,
        child: Child,
        signals: CaughtSignals,
        terminal: Terminal | None,
        watchdog: int,
        channel: Connection,
        callbacks: _Callbacks,
    ) -> None:
        self._child = child
        self._signals = signals
        self._terminal = terminal
        self._watchdog = watchdog
        self._channel = channel
        self._callbacks = callbacks
        self._warned = callbacks.remaining() <= WARNING
        self._end_sent_at: float | None = None
        # Children that a shell started before it became the helper, as by `exec pulumi-fusion ... > >(tee log)`.
        self._older_children = [each for each in psutil.Process().children() if each.pid != watchdog]

    def run(self) -> Ended:
        """Start the child and return how it ended. Raises OSError."""
        adopt_orphans()
        self._start()
        while True:
            self._check_time()
            if self._end_sent_at is not None and now() > self._end_sent_at + _WATCHDOG_TIMEOUT:
                return self._end_without_watchdog(TIME_OVER, "time over")
            ready = self._wait()
            self._forward_signals()
            if self._channel.fileno() in ready:
                message = receive(self._channel)
                if message is None:
                    return self._end_without_watchdog(FAILED, "ended, since its watchdog was ended")
                if (ended := self._handle(Report(**message))) is not None:
                    return ended

    def _start(self) -> None:
        child, terminal = self._child, self._terminal
        config = CommandConfig(
            program=child.program,
            arguments=child.arguments,
            environ=dict(child.environ),
            mark=child.mark,
            shell=child.shell,
            ends=now() + self._callbacks.remaining(),
            defaults=sorted({signal.SIGTTOU, *_IGNORED_BY_PYTHON, *self._signals.caught}),
            terminal=terminal.path if terminal else "",
            streams=terminal.streams if terminal else (),
            foreground=bool(terminal and terminal.enter()),
            helper_died_text=child.helper_died_text,
            folder=str(child.folder or ""),
        )
        send(self._channel, asdict(config))

    def _check_time(self) -> None:
        left = self._callbacks.remaining()
        if left <= 0:
            self._time_over()
        elif not self._warned and left <= WARNING:
            self._warned = True
            self._callbacks.warn()

    def _time_over(self) -> None:
        """Announce the end once, and make the watchdog end everything."""
        if self._end_sent_at is None:
            self._end_sent_at = now()
            self._callbacks.over()
            with contextlib.suppress(OSError):
                os.kill(self._watchdog, signal.SIGCONT)  # the child may have stopped it
            send(self._channel, "end")

    def _wait(self) -> list[int]:
        """Wait for an event of at most a second and relay the terminal; return the descriptors that can be read.

        Not for longer: the clock of poll doesn't advance while the machine is suspended, and the session's clock does.
        """
        terminal = self._terminal
        readers = terminal.readers() if terminal else []
        writers = terminal.writers() if terminal else []
        seconds = min(1.0, self._callbacks.remaining() or 1.0)
        readers += [self._signals.wake, self._channel.fileno()]
        ready = wait(readers, writers, seconds=seconds)
        if self._signals.wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._signals.wake, 512)
        if terminal:
            terminal.relay(ready)
        return ready

    def _forward_signals(self) -> None:
        while self._signals.numbers:
            number = self._signals.numbers.pop(0)
            if number == signal.SIGWINCH:
                if self._terminal:
                    self._terminal.resize()
                continue
            if number == signal.SIGCONT and self._terminal:
                send(self._channel, {"foreground": self._terminal.enter()})
            send(self._channel, {"signal": number})

    def _handle(self, report: Report) -> Ended | None:
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
        assert report.status is not None  # noqa: S101 - the watchdog reports how its child ended
        if os.WIFSIGNALED(report.status):
            return Ended.by(os.WTERMSIG(report.status))._replace(also=report.ended, left=report.left)
        code = os.WEXITSTATUS(report.status)
        return Ended(code, f"exit code {code}", report.ended, report.left)

    def _stopped(self, number: int) -> None:
        """Give the stopped child the terminal if it asked for that; else stop this process as well."""
        asks = number in TERMINAL_REQUESTS
        if asks and self._terminal and self._terminal.enter_on_request():
            send(self._channel, {"foreground": True})
            send(self._channel, {"signal": signal.SIGCONT})
            return
        if self._terminal is None or not self._child.may_stop or signal.SIGTSTP not in self._signals.caught:
            return
        self._terminal.leave()
        send(self._channel, {"foreground": False})
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # The whole job, as Ctrl-Z does. The kernel ignores the signal if no shell could continue the job.
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        if signal.SIGCONT not in self._signals.numbers and not asks:
            self._signals.numbers.append(signal.SIGCONT)

    def _end_without_watchdog(self, code: int, how: str) -> Ended:
        """End everything without the watchdog; its descendants are also those of this process."""
        with contextlib.suppress(OSError):
            os.kill(self._watchdog, signal.SIGKILL)
        return Ended(
            code,
            how,
            *SessionProcesses(
                self._child.mark, exclude=(self._watchdog, *_with_descendants(self._older_children))
            ).end(),
        )


def _with_descendants(processes: Iterable[psutil.Process]) -> Iterator[int]:
    for each in processes:
        yield each.pid
        with contextlib.suppress(psutil.Error):
            yield from (below.pid for below in each.children(recursive=True))
