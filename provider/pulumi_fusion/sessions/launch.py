"""Start the process of the watchdog."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Final

from pulumi_fusion.errors import capped
from pulumi_fusion.sessions.child_env import without_secrets
from pulumi_fusion.sessions.watchdog import IGNORED, READY, receive, send

__all__ = ["watchdog"]

# `python -c` looks for modules in the working directory first.
_PROGRAM: Final = (
    "import sys; sys.path[:] = [each for each in sys.path if each]; "
    "from pulumi_fusion.sessions.watchdog import main; main()"
)
# The watchdog gets none of Python's own variables but those by which an interpreter finds its files.
_PYTHON_HOME_VARIABLES: Final = frozenset({"PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONEXECUTABLE"})


@contextlib.contextmanager
def watchdog(terminal: int | None) -> Iterator[tuple[int, Connection]]:
    """Start the watchdog, and yield its process id and the channel to it.

    Args:
        terminal: A descriptor of the terminal whose modes it restores if this process dies.

    Raises:
        ChildProcessError: It did not start; the text quotes the last line that it wrote to stderr.
    """
    channel, other = Pipe()
    with other:
        process = _started(other, terminal)
    try:
        assert process.stderr is not None  # noqa: S101 - PIPE was asked for
        with process.stderr as errors:
            if receive(channel) != READY:
                process.kill()
                lines = errors.read().decode(errors="replace").split("\n")
                raise _no_watchdog(
                    next((line.strip() for line in reversed(lines) if line.strip()), "it wrote no reason")
                )
        yield process.pid, channel
        # Not after an exception: the watchdog then ends the command in place of this process.
        send(channel, "done")
    finally:
        channel.close()
        process.wait()


def _started(channel: Connection, terminal: int | None) -> subprocess.Popen[bytes]:
    """Start it; its arguments are descriptors of the channel, the standard streams and the terminal."""
    streams = [os.dup(each) for each in (0, 1, 2, *([] if terminal is None else [terminal]))]
    numbers = [channel.fileno(), *streams]
    # Until it leads its own session, Ctrl-Z would stop it, and this process would wait for it forever.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
    try:
        for each in numbers:
            os.set_inheritable(each, True)
        return subprocess.Popen(  # noqa: S603  # this very interpreter
            [sys.executable, "-c", _PROGRAM, *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
            close_fds=False,  # the command inherits what this process was given
        )
    except OSError as wrong:
        raise _no_watchdog(wrong.strerror or str(wrong)) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for each in streams:
            os.close(each)


def _environment() -> dict[str, str]:
    """Return the environment without secrets.

    The rest is kept because an interpreter may need it to start, such as LD_LIBRARY_PATH for a library in an unusual
    place.
    """
    kept = without_secrets(os.environ)
    environ = {
        name: value for name, value in kept.items() if not name.startswith("PYTHON") or name in _PYTHON_HOME_VARIABLES
    }
    package = str(Path(__file__).resolve().parents[2])
    here = Path.cwd().resolve()
    # Nothing is imported from the working directory.
    paths = [str(Path(each).resolve()) for each in sys.path if each and Path(each).resolve() != here]
    environ["PYTHONPATH"] = os.pathsep.join([*paths, package])
    return environ


def _no_watchdog(why: str) -> ChildProcessError:
    return ChildProcessError(
        None,
        f"the watchdog, which ends the session if the helper dies, did not start ({sys.executable}: {capped(why)})",
    )
