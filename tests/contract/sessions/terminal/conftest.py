"""Fixtures for sessions in a real terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal
from tests.contract.sessions.pseudo_terminal import PseudoTerminal

OPEN = ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check")
LINE = r"MASQUERADE acme-corp \(read-only\) from example-msp, (15 min left|until [0-9:]{8})"
RED = r"\x1b\[1;97;41m\x1b\[K "
TITLE = r"\x1b\]2;MASQUERADE acme-corp \(read-only\)\a"

# Waits until a job was stopped; the echo of what is typed must not be taken for what comes out.
STOPPED = "while [ -z \"$(jobs -s)\" ]; do sleep 0.05; done; echo it 'asks'"

Sit = Callable[..., PseudoTerminal]

# A prompt that sets a title, as Debian's does, and hooks that end with a semicolon, as many do.
BASHRC = """\
PS1='\\[\\e]0;mine\\a\\]mine> '
PROMPT_COMMAND='from_rc=1; '
alias greet='echo hello'
"""
PROMPT = f"{RED}{LINE}[^\\0]*mine> {TITLE}"


@pytest.fixture
def desk(tmp_path: Path, shared_emulator: Emulator) -> Terminal:
    return Terminal(tmp_path, {"NETOSECRET": shared_emulator.netosecret, "TMPDIR": str(tmp_path)})


@pytest.fixture
def sit(desk: Terminal) -> Iterator[Sit]:
    """Open a session in a separate terminal; ``within`` is typed at the end, in a shell with job control."""
    opened: list[PseudoTerminal] = []

    def sit(*arguments: str, within: str = "", **more: str) -> PseudoTerminal:
        command = [str(COMMAND), *OPEN, *arguments]
        outer = ["bash", "--noprofile", "--norc", "--noediting", "-i"]
        environ = desk.environment(PS1="outer> ", **more)
        opened.append(PseudoTerminal(outer if within else command, folder=desk.folder, environ=environ))
        if within:
            opened[0].see("outer> ")
            opened[0].enter(shlex.join(command) + within)
        return opened[0]

    yield sit
    for terminal in opened:
        with terminal:
            pass
