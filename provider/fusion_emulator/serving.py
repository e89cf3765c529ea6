"""The emulator in the foreground: until it is interrupted, or for as long as a command runs."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from fusion_emulator.emulator import Emulator
from fusion_emulator.journal import on_one_line
from fusion_emulator.listening import REMOTE
from fusion_emulator.loopback import LOOPBACK
from fusion_emulator.signals import Signals
from fusion_emulator.switches import Switches

__all__ = ["serve", "settings_of"]

# Settings of the caller with which a command would use another service or account than the emulator's.
DISPLACED = ("FUSION_NETOSECRET_FILE", "FUSION_ACCOUNT", "FUSION_MASQUERADE", "FUSION_MASQUERADE_ID")

_NAMED = 10
"""Paths that no route matched and that are named at the end, at most."""
_SHOWN = 200
"""Characters of such a path."""


def settings_of(emulator: Emulator) -> dict[str, str]:
    """Return the variables by which a command uses the emulator; the last one restricts it to the emulator."""
    return {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url, "FUSION_EMULATOR": emulator.url}


def serve(
    *,
    host: str = LOOPBACK,
    port: int = 0,
    allow_remote: bool = False,
    state: Path | None = None,
    log: Path | TextIO | None = None,
    audit: Path | None = None,
    switches: Sequence[str] = (),
    faults: Sequence[str] = (),
    seed: int | None = None,
    command: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    ready: Callable[[Emulator], None] = lambda emulator: None,
    report: Callable[[str], None] = lambda text: None,
) -> int:
    """Run an emulator until a signal, or as long as a command runs.

    Call it from the main thread, because it handles signals. The second SIGINT or SIGTERM, whichever was the first,
    ends the process with exit code 128 + N and kills the command with what it started, also if something hangs. A first
    SIGTERM is passed on to the command; SIGINT is not. While a command runs in the foreground of a terminal, Ctrl-C
    doesn't count: the terminal sends it to the command as well, which decides what to do.

    Args:
        host: The address to listen on, or a name of it.
        port: The port; 0 chooses a free one.
        allow_remote: Whether other machines may reach the host, which is reported.
        state: A file that stores the accounts; None keeps them in memory.
        log: A file to append a line per request to, or a stream.
        audit: The file in which the command records masquerade sessions, which the page shows.
        switches: ``name=value`` texts.
        faults: Lines of the fault grammar.
        seed: A whole number from 0 that determines all ids; None for random ones.
        command: The command, empty for none. Its environment has the credential in NETOSECRET and the address in
            FUSION_API_URL and FUSION_EMULATOR.
        environment: The further environment of the command; None for that of this process.
        ready: Called once requests are answered.
        report: Called with each fault that can have no effect, and at the end with each that was not used, and
            with the requests that no route matched.

    Returns:
        The exit code: that of the command, or 0 after SIGINT or SIGTERM without a command.

    Raises:
        HostError: The host is unknown, or one that other machines reach without ``allow_remote``.
        UnknownSwitch: A switch or its value does not exist.
        MalformedFault: A line is not a fault.
        ValueError: The seed is another value.
        StateFileBusy: Another emulator uses the state file.
        StateFileUnreadable: The state file has another content.
        PortInUse: Another process listens on the port.
        OSError: The command cannot be run, or the log not written.
    """
    chosen = Switches().with_text(*switches)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(_log_file(log)) if isinstance(log, Path) else log
        signals = Signals()
        stack.enter_context(signals.handled())
        emulator = Emulator(
            chosen, host=host, port=port, allow_remote=allow_remote, state=state, log=stream, seed=seed, audit=audit
        )
        if emulator.address.is_remote:
            report(f"Warning: {host} is not a loopback address: {REMOTE}")
        for warning in emulator.faults.extend(faults):
            report(f"Warning: {warning}")
        stack.enter_context(emulator)
        stack.callback(_report_leftovers, emulator, report)
        ready(emulator)
        if not command:
            signals.wait()
            return 0
        inherited = dict(os.environ if environment is None else environment)
        for name in DISPLACED:
            inherited.pop(name, None)
        return signals.run(command, {**inherited, **settings_of(emulator)})


def _report_leftovers(emulator: Emulator, report: Callable[[str], None]) -> None:
    """Report the faults that were not used, and the requests that no route matched."""
    for fault in emulator.faults.unused():
        report(f"Warning: the fault {fault.text!r} was not used")
    found = Counter((each.method, each.path, each.status) for each in emulator.requests.unmatched())
    for (method, path, status), times in found.most_common(_NAMED):
        counted = f" {times} times" if times > 1 else ""
        request = on_one_line(f"{method} {path[:_SHOWN]}")
        report(f"Warning: no route matched {request}, answered with {status or 'no status'}{counted}")
    more = len(found) - _NAMED
    if more > 0:
        report(f"Warning: no route matched {more} further path{'s' if more > 1 else ''}")


@contextlib.contextmanager
def _log_file(path: Path) -> Iterator[TextIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        yield stream
