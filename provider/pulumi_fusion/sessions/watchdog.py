"""The watchdog: the process that starts the command of a session and ends it, whatever becomes of the helper.

It leads a session of its own and adopts every orphan below it, so that all that the command starts stays its
descendant. It ends them when the helper asks for it, when the command has exited, when the time is over, and when the
helper has died.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import termios
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from pulumi_fusion.sessions.clock import now
from pulumi_fusion.sessions.processes import Family, adopt_orphans, hide_memory
from pulumi_fusion.sessions.waiting import wait

__all__ = ["ASKS", "IGNORED", "MARGIN", "READY", "Orders", "Report", "main", "receive", "send"]

READY: Final = "ready"
"""The first message of the watchdog."""

MARGIN: Final = 1.0
"""Seconds after the end at which the watchdog acts without the helper, which may be stopped."""

# What ends the helper is often meant for every process that looks like it. SIGTTOU would stop the watchdog where it
# gives the terminal to the command.
IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU)
ASKS: Final = (signal.SIGTTIN, signal.SIGTTOU)
"""The signals that stop a command which asks for the terminal in the background."""

# How many standard streams there are.
_STREAMS: Final = 3

# The place of the output modes in what termios.tcgetattr returns.
_OFLAG: Final = 1


@dataclass(frozen=True)
class Orders:
    """What to run, and until when.

    Args:
        program: The file.
        arguments: Its argv.
        environ: All of its environment.
        mark: The variable (name, value) of the environment that marks its descendants.
        shell: It is an interactive shell.
        ends: When it must end, on the clock of sessions.
        defaults: Signals that it gets with their default action.
        terminal: The path of its pseudo terminal, or "".
        streams: Which of the standard streams are that terminal.
        front: It is in the foreground of the terminal from the start.
        last_words: What is written to stderr if the helper dies.
        folder: What is removed if the helper dies, or "".
    """

    program: str
    arguments: Sequence[str]
    environ: dict[str, str]
    mark: tuple[str, str]
    shell: bool
    ends: float
    defaults: Sequence[int]
    terminal: str
    streams: Sequence[int]
    front: bool
    last_words: str
    folder: str


@dataclass(frozen=True)
class Report:
    """What became of the command.

    Args:
        started: It runs, and has the terminal if it is to be in the foreground.
        failed: Why it could not be started, or "".
        stopped: The signal that stopped it, or 0.
        over: It has ended, and everything that it started.
        status: Its wait status, or None if it was ended.
        time_over: It was ended because the time was over.
        ended: The processes that were ended with it.
        left: The processes that could not be ended.
    """

    started: bool = False
    failed: str = ""
    stopped: int = 0
    over: bool = False
    status: int | None = None
    time_over: bool = False
    ended: Sequence[str] = ()
    left: Sequence[str] = ()


def send(channel: Connection, message: object) -> None:
    """Send a message that JSON can hold; nothing happens where the other side has gone."""
    with contextlib.suppress(OSError):
        channel.send_bytes(json.dumps(message).encode())


def receive(channel: Connection) -> Any:
    """Return the next message, or None where the other side has gone."""
    try:
        return json.loads(channel.recv_bytes())
    except (EOFError, OSError):
        return None


def main() -> None:
    """Run with the descriptors of the channel, of the command's standard streams, and of the helper's terminal if it
    has one, as arguments.
    """
    for each in IGNORED:
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)
    adopt_orphans()
    hide_memory()
    number, *streams = map(int, sys.argv[1:])
    os.set_inheritable(number, False)
    outer = _Outer(streams.pop()) if len(streams) > _STREAMS else None
    with Connection(number) as channel:
        send(channel, READY)
        # Until here the standard streams led to the helper, which reports why this process did not start.
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.set_inheritable(stream, False)
        orders = receive(channel)
        if isinstance(orders, dict):  # else the session ended before it began
            _Watchdog(channel, Orders(**orders), outer, stderr=streams[2]).run()


class _Outer:
    """The helper's terminal, with its modes as they were before the helper used it."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._modes: list[Any] | None = None
        with contextlib.suppress(termios.error):
            self._modes = termios.tcgetattr(descriptor)

    def restore(self) -> None:
        """Restore the modes if the terminal is in raw mode; else a shell has set its own since then."""
        with contextlib.suppress(termios.error):  # the terminal may have gone
            if self._modes and not termios.tcgetattr(self._descriptor)[_OFLAG] & termios.OPOST:
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._modes)


class _Watchdog:
    """``stderr`` is the helper's; the command's own may be the pseudo terminal."""

    def __init__(self, channel: Connection, orders: Orders, outer: _Outer | None, *, stderr: int) -> None:
        self._channel = channel
        self._outer = outer
        self._orders = orders
        self._stderr = stderr
        self._helper = os.getppid()
        self._front = orders.front
        self._family = Family(orders.mark, spare=(self._helper,))
        self._child: int | None = None
        self._over = False

    def run(self) -> None:
        """Start the command and watch until the helper is done or dead."""
        woken = self._wake_on_exits()
        try:
            self._terminal = self._take_terminal()
            self._child = self._started()
            send(self._channel, asdict(Report(started=True)))
        except OSError as wrong:
            self._over = True
            send(self._channel, asdict(Report(failed=wrong.strerror or str(wrong))))
        while True:
            self._reap()
            if not self._over and now() >= self._orders.ends + MARGIN:
                self._wake_the_helper()
                self._end(time_over=True)
            channel = self._channel.fileno()
            ready = wait([channel, woken], seconds=1.0)
            if woken in ready:
                os.read(woken, 512)
            if channel in ready and not self._obey(receive(self._channel)):
                return

    @staticmethod
    def _wake_on_exits() -> int:
        reading, writing = os.pipe()
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        return reading

    def _take_terminal(self) -> int | None:
        """Make the pseudo terminal the controlling one of this process's session."""
        if not self._orders.terminal:
            return None
        descriptor = os.open(self._orders.terminal, os.O_RDWR)
        fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
        for place in self._orders.streams:
            os.dup2(descriptor, place)
        return descriptor

    def _started(self) -> int:
        child = os.posix_spawn(
            self._orders.program,
            list(self._orders.arguments),
            self._orders.environ,
            setpgroup=0,
            setsigmask=(),
            setsigdef=[*self._orders.defaults, signal.SIGTTOU, signal.SIGCHLD],
        )
        self._show_in_front(child)
        return child

    def _show_in_front(self, child: int) -> None:
        """Give the command's group the terminal if it is to be in the foreground, else keep it in the background."""
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(self._terminal, child if self._front else os.getpgrp())

    def _reap(self) -> None:
        """Take note of what has exited or stopped."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid != self._child:
                continue
            if os.WIFSTOPPED(status):
                self._stopped(os.WSTOPSIG(status))
            else:
                self._child = None
                if not self._over:
                    self._end(status=status)

    def _stopped(self, number: int) -> None:
        if self._front and number in ASKS:
            # It asked for the terminal before it got it.
            self._resume()
        else:
            send(self._channel, asdict(Report(stopped=number)))

    def _resume(self) -> None:
        if self._child is not None:
            self._show_in_front(self._child)
            self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._child, number)

    def _obey(self, order: Any) -> bool:
        """Carry out an order of the helper; return whether more can come."""
        if order is None:
            self._helper_died()
            return False
        if order == "done":
            return False
        if order == "end":
            self._end(time_over=True)
        elif "front" in order:
            self._front = order["front"]
            if self._child is not None:
                self._show_in_front(self._child)
        else:
            self._signal(order["signal"])
            if order["signal"] in (signal.SIGTERM, signal.SIGHUP):
                self._signal(signal.SIGCONT)  # a stopped process acts on neither
        return True

    def _wake_the_helper(self) -> None:
        """Continue the helper, which did not act at the end: Ctrl-Z or the command may have stopped it."""
        with contextlib.suppress(OSError):
            if os.getppid() == self._helper:
                os.kill(self._helper, signal.SIGCONT)

    def _end(self, *, status: int | None = None, time_over: bool = False) -> None:
        if self._over:
            return
        self._over = True
        ended, left = self._family.end(self._child, shell=self._orders.shell)
        send(self._channel, asdict(Report(over=True, status=status, time_over=time_over, ended=ended, left=left)))

    def _helper_died(self) -> None:
        if self._outer and self._front:
            self._outer.restore()
        if not self._over and self._family.members():
            with contextlib.suppress(OSError):  # the terminal may have gone as well
                os.write(self._stderr, self._orders.last_words.encode(errors="replace"))
            self._end()
        if self._orders.folder:
            shutil.rmtree(self._orders.folder, ignore_errors=True)
