"""The watchdog: the process that starts the command of a session, and ends it even if the helper dies.

It leads its own session and adopts every orphan below it, so that all that the command starts stays its descendant. It
ends them when the helper asks for it, when the command has exited, when the time is over, and when the helper has died.
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
from pulumi_fusion.sessions.processes import SessionProcesses, adopt_orphans, hide_memory
from pulumi_fusion.sessions.waiting import wait

__all__ = ["IGNORED", "MARGIN", "READY", "TERMINAL_REQUESTS", "CommandConfig", "Report", "main", "receive", "send"]

READY: Final = "ready"
"""The first message of the watchdog."""

MARGIN: Final = 1.0
"""Seconds after the end of the session at which the watchdog acts without the helper, which may be stopped."""

# A signal that ends the helper is often sent to all processes with the same name. SIGTTOU would stop the watchdog when
# it gives the terminal to the command.
IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU)
TERMINAL_REQUESTS: Final = (signal.SIGTTIN, signal.SIGTTOU)
"""The signals that stop a command when it uses the terminal in the background."""

# The number of standard streams.
_STREAMS: Final = 3

# The index of the output modes in the result of termios.tcgetattr.
_OFLAG: Final = 1


@dataclass(frozen=True)
class CommandConfig:
    """The command to run, and until when.

    Args:
        program: The file.
        arguments: Its argv.
        environ: All of its environment.
        mark: The variable (name, value) of the environment that marks its descendants.
        shell: It is an interactive shell.
        ends: When it must end, by :func:`pulumi_fusion.sessions.clock.now`.
        defaults: Signals whose default action is restored in it.
        terminal: The path of its pseudo terminal, or "".
        streams: Which of the standard streams are that terminal.
        foreground: It is in the foreground of the terminal from the start.
        helper_died_text: What is written to stderr if the helper dies.
        folder: The folder to remove if the helper dies, or "".
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
    foreground: bool
    helper_died_text: str
    folder: str


@dataclass(frozen=True)
class Report:
    """A message to the helper about the command.

    Args:
        started: It runs, and has the terminal if it belongs in the foreground.
        failed: Why it couldn't be started, or "".
        stopped: The signal that stopped it, or 0.
        over: It has ended, and everything that it started.
        status: Its wait status, or None if it was ended.
        time_over: It was ended because the time was over.
        ended: The processes that were ended with it.
        left: The processes that couldn't be ended.
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
    """Send a message as JSON; does nothing if the other side has closed the channel."""
    with contextlib.suppress(OSError):
        channel.send_bytes(json.dumps(message).encode())


def receive(channel: Connection) -> Any:
    """Return the next message, or None if the other side has closed the channel."""
    try:
        return json.loads(channel.recv_bytes())
    except (EOFError, OSError):
        return None


def main() -> None:
    """Run the watchdog.

    The arguments of the process are descriptors: the channel, the command's standard streams, and the helper's terminal
    if it has one.
    """
    for each in IGNORED:
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)
    adopt_orphans()
    hide_memory()
    number, *streams = map(int, sys.argv[1:])
    os.set_inheritable(number, False)
    outer = _HelperTerminal(streams.pop()) if len(streams) > _STREAMS else None
    with Connection(number) as channel:
        send(channel, READY)
        # Before that the standard streams lead to the helper, which reports why this process did not start.
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.set_inheritable(stream, False)
        config = receive(channel)
        if isinstance(config, dict):  # else the session ended before it began
            _Watchdog(channel, CommandConfig(**config), outer, stderr=streams[2]).run()


class _HelperTerminal:
    """The helper's terminal, with its modes as they were before the helper used it."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._modes: list[Any] | None = None
        with contextlib.suppress(termios.error):
            self._modes = termios.tcgetattr(descriptor)

    def restore(self) -> None:
        """Restore the modes if the terminal is still in raw mode; else a shell has set its own."""
        with contextlib.suppress(termios.error):  # the terminal may be closed
            if self._modes and not termios.tcgetattr(self._descriptor)[_OFLAG] & termios.OPOST:
                termios.tcsetattr(self._descriptor, termios.TCSANOW, self._modes)


class _Watchdog:
    """Run one command; ``stderr`` is the helper's, since the command's may be the pseudo terminal."""

    def __init__(
        self, channel: Connection, config: CommandConfig, outer: _HelperTerminal | None, *, stderr: int
    ) -> None:
        self._channel = channel
        self._outer = outer
        self._config = config
        self._stderr = stderr
        self._helper = os.getppid()
        self._foreground = config.foreground
        self._processes = SessionProcesses(config.mark, exclude=(self._helper,))
        self._child: int | None = None
        self._over = False

    def run(self) -> None:
        """Start the command, and end it when it must end; return when the helper has finished or died."""
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
            if not self._over and now() >= self._config.ends + MARGIN:
                self._continue_helper()
                self._end(time_over=True)
            channel = self._channel.fileno()
            ready = wait([channel, woken], seconds=1.0)
            if woken in ready:
                os.read(woken, 512)
            if channel in ready and not self._handle(receive(self._channel)):
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
        if not self._config.terminal:
            return None
        descriptor = os.open(self._config.terminal, os.O_RDWR)
        fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
        for place in self._config.streams:
            os.dup2(descriptor, place)
        return descriptor

    def _started(self) -> int:
        child = os.posix_spawn(
            self._config.program,
            list(self._config.arguments),
            self._config.environ,
            setpgroup=0,
            setsigmask=(),
            setsigdef=[*self._config.defaults, signal.SIGTTOU, signal.SIGCHLD],
        )
        self._set_foreground(child)
        return child

    def _set_foreground(self, child: int) -> None:
        """Give the command's process group the terminal if it belongs in the foreground, else take it away."""
        if self._terminal is not None:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(self._terminal, child if self._foreground else os.getpgrp())

    def _reap(self) -> None:
        """Reap exited children, and act on an exit or stop of the command."""
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
        if self._foreground and number in TERMINAL_REQUESTS:
            # It used the terminal before it was put in the foreground.
            self._resume()
        else:
            send(self._channel, asdict(Report(stopped=number)))

    def _resume(self) -> None:
        if self._child is not None:
            self._set_foreground(self._child)
            self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._child, number)

    def _handle(self, message: Any) -> bool:
        """Act on a message of the helper; return whether another can follow."""
        if message is None:
            self._helper_died()
            return False
        if message == "done":
            return False
        if message == "end":
            self._end(time_over=True)
        elif "foreground" in message:
            self._foreground = message["foreground"]
            if self._child is not None:
                self._set_foreground(self._child)
        else:
            self._signal(message["signal"])
            if message["signal"] in (signal.SIGTERM, signal.SIGHUP):
                self._signal(signal.SIGCONT)  # a stopped process acts on neither
        return True

    def _continue_helper(self) -> None:
        """Continue the helper, which did not act when the time was over: Ctrl-Z or the command may have stopped it."""
        with contextlib.suppress(OSError):
            if os.getppid() == self._helper:
                os.kill(self._helper, signal.SIGCONT)

    def _end(self, *, status: int | None = None, time_over: bool = False) -> None:
        if self._over:
            return
        self._over = True
        ended, left = self._processes.end(self._child, shell=self._config.shell)
        send(self._channel, asdict(Report(over=True, status=status, time_over=time_over, ended=ended, left=left)))

    def _helper_died(self) -> None:
        if self._outer and self._foreground:
            self._outer.restore()
        if not self._over and self._processes.members():
            with contextlib.suppress(OSError):  # the terminal may be closed as well
                os.write(self._stderr, self._config.helper_died_text.encode(errors="replace"))
            self._end()
        if self._config.folder:
            shutil.rmtree(self._config.folder, ignore_errors=True)
