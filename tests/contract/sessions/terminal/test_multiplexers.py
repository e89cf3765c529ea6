"""A session warns at its start about running terminal multiplexers, whose windows are outside of it."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cli.terminal import Terminal
from tests.contract.sessions.terminal.conftest import LINE, OPEN, RED, Sit

OUTSIDE = RED + "OUTSIDE this session: {}, which already runs.*including your real credential"


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"TMUX": "tmux-0/default,1,0"}, "tmux"),
        ({"STY": "1.pts-0.host"}, "screen"),
        ({"TMUX": "tmux-0/default,1,0", "STY": "1.pts-0.host"}, "tmux and screen"),
        ({"ZELLIJ": "0"}, "zellij"),
    ],
    ids=str,
)
def test_a_session_in_a_multiplexer_warns_about_its_windows(
    more: dict[str, str], name: str, sit: Sit, desk: Terminal
) -> None:
    terminal = sit(SHELL="/bin/bash", **{"TMUX_TMPDIR": str(desk.folder), "SCREENDIR": str(desk.folder), **more})
    terminal.see(OUTSIDE.format(name))
    terminal.see(LINE)


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder with a short name, since the name of a socket has at most about 100 characters."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(("tmux", "screen"), [(True, False), (False, True), (True, True), (False, False)])
def test_only_a_running_multiplexer_is_found(tmux: bool, screen: bool, sit: Sit, place: Path) -> None:
    """A killed server leaves its socket file."""
    for name in (f"tmux-{os.getuid()}", "screens"):
        (place / name).mkdir(mode=0o700)
    with subprocess.Popen(["true"]) as gone:
        pass
    (place / "screens" / f"{os.getpid() if screen else gone.pid}.pts-0.host").touch()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / f"tmux-{os.getuid()}" / "default"))
        if tmux:
            server.listen()
        terminal = sit(SHELL="/bin/bash", TMUX_TMPDIR=str(place), SCREENDIR=str(place / "screens"))
        if names := " and ".join(["tmux"] * tmux + ["screen"] * screen):
            terminal.see(OUTSIDE.format(names))
        terminal.see(LINE)
        assert ("OUTSIDE" in terminal.shown) == bool(names)


def test_a_session_with_a_command_does_not_warn_about_multiplexers(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--ci", "--", "true", TMUX="tmux-0/default,1,0")
    assert "OUTSIDE" not in done.stderr
