"""The banner, the title and the line at the end with names that contain control characters, in every shell."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal
from tests.contract.sessions.pseudo_terminal import PseudoTerminal

EVIL: Final = "x\x1b[2J\x1b]0;evil\x07\u202e'$(touch owned)`touch owned`\\[%s"
SHOWN: Final = re.escape("x\ufffd[2J\ufffd]0;evil\ufffd\ufffd'$(touch owned)`touch owned`\\[%s")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Terminal]:
    """A shell with a service whose account and key have such names."""
    with Emulator() as emulator:
        emulator.seed("acme-corp")
        emulator.edit_freely(emulator.root.shortname, shortname=f"msp{EVIL}")
        netosecret = emulator.key(f"msp{EVIL}", appname=f"app{EVIL}")
        yield Terminal(tmp_path, {"NETOSECRET": netosecret, "TMPDIR": str(tmp_path)})


@pytest.mark.parametrize("shell", ["bash", "sh", "zsh", "fish"])
@pytest.mark.threat("clears-the-screen")
def test_names_cannot_control_the_terminal_in_any_shell(desk: Terminal, tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} here")
    command = [str(COMMAND), "masquerade", "acme-corp", "--reason", "INC-1234 ingest check"]
    with PseudoTerminal(command, folder=tmp_path, environ=desk.environment(SHELL=program)) as terminal:
        terminal.see(rf"MASQUERADE acme-corp \(read-only\) from msp{SHOWN} as app{SHOWN}")
        terminal.see(rf"MASQUERADE acme-corp \(read-only\) from msp{SHOWN}, (15 min left|until)")
        terminal.enter("exit")
        terminal.see(r"MASQUERADE ENDED acme-corp after")
        assert terminal.end() == 0
        assert "\x1b]0;evil" not in terminal.shown
        assert "\u202e" not in terminal.shown
        assert not re.search(r"x\x1b\[2J", terminal.shown)
    assert not (tmp_path / "owned").exists()
