"""The emulator in the foreground: until it is interrupted, or for as long as a command runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TextIO

from fusion_emulator.server import Emulator
from fusion_emulator.switches import Switches

__all__ = ["serve", "settings_of"]

# Settings of the caller that would lead a command away from the emulator, with the emulator's credential or another.
DISPLACED = ("FUSION_NETOSECRET_FILE", "FUSION_ACCOUNT", "FUSION_MASQUERADE", "FUSION_MASQUERADE_ID")


def settings_of(emulator: Emulator) -> dict[str, str]:
    """Return the variables by which a command uses the emulator; the last one binds it to that and nothing else."""
    return {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url, "FUSION_EMULATOR": emulator.url}


def serve(
    *,
    port: int = 0,
    state: Path | None = None,
    log: Path | TextIO | None = None,
    switches: Sequence[str] = (),
    faults: Sequence[str] = (),
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    ready: Callable[[Emulator], None] = lambda emulator: None,
) -> int:
    """Runs an emulator and returns the exit code: 0 after SIGINT or SIGTERM, else that of ``command``.

    ``switches`` are ``name=value`` texts, ``faults`` lines of the fault grammar, ``log`` a file to append to or a
    stream. ``ready`` is called once requests are answered. The command finds the credential in NETOSECRET, the address
    in FUSION_API_URL and again in FUSION_EMULATOR, in ``environment`` or else in a copy of this process's. Call it from
    the main thread: it handles signals. Raises UnknownSwitch, MalformedFault, StateFileBusy, StateFileUnreadable,
    PortInUse and, for the command, OSError.
    """
    chosen = Switches().with_text(*switches)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(_log_file(log)) if isinstance(log, Path) else log
        stop = stack.enter_context(_stop_signals())
        emulator = stack.enter_context(Emulator(chosen, port=port, state=state, log=stream, faults=faults))
        ready(emulator)
        if not command:
            stop.wait()
            return 0
        inherited = dict(os.environ if environment is None else environment)
        for name in DISPLACED:
            inherited.pop(name, None)
        return _run(command, {**inherited, **settings_of(emulator)}, stopped=stop)


@contextlib.contextmanager
def _log_file(path: Path) -> Iterator[TextIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        yield stream


class _Stop(threading.Event):
    """Set by SIGINT and SIGTERM; ``signal`` is the last of them."""

    signal: int | None = None


@contextlib.contextmanager
def _stop_signals() -> Iterator[_Stop]:
    """The handlers that were there before come back."""
    stop = _Stop()

    def set_stop(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        stop.set()

    before = {number: signal.signal(number, set_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(command: Sequence[str], environment: Mapping[str, str], *, stopped: _Stop) -> int:
    """The command's exit code, 128 + N when signal N ended it, as shells say.

    A terminal sends its SIGINT to the command as well; SIGTERM reaches only this process and is passed on.
    """
    with subprocess.Popen(list(command), env=dict(environment)) as process:  # noqa: S603  # the user's own command
        signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number))
        if stopped.signal == signal.SIGTERM:
            process.terminate()
        code = process.wait()
    return code if code >= 0 else 128 - code
