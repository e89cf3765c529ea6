"""What a state file may be, and by how many names."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fusion_emulator import Emulator, StateFileBusy, StateFileUnreadable
from tests.contract.cli.terminal import COMMAND
from tests.contract.emulator.caller import Caller
from tests.contract.emulator.test_state_file import EARLIER


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def loop(path: Path) -> None:
    path.symlink_to("loop")
    path.with_name("loop").symlink_to(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: os.mkfifo(path), "not a regular file"),
        (lambda path: path.symlink_to("/dev/null"), "not a regular file"),
        (lambda path: path.symlink_to("nowhere/state.json"), "No such file or directory"),
        (loop, "Too many levels of symbolic links"),
        (lambda path: path.write_bytes(b"\0" * 100), "not a JSON object"),
    ],
    ids=["fifo", "device", "dangling", "loop", "zeros"],
)
def test_the_command_refuses_other_files(path: Path, make: Callable[[Path], object], reason: str) -> None:
    make(path)
    done = subprocess.run([COMMAND, "emulator", "--state", path], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ") and reason in done.stderr and str(path.parent) in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        Emulator(state=tmp_path).start()


def test_a_name_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    for length in (255, 256):
        with pytest.raises(OSError, match="File name too long"):
            Emulator(state=tmp_path / ("a" * length)).start()


def test_of_a_symbolic_link_the_file_is_replaced(tmp_path: Path, path: Path) -> None:
    file = tmp_path / "elsewhere" / "file.json"
    file.parent.mkdir()
    shutil.copyfile(EARLIER, file)
    path.symlink_to("elsewhere/file.json")
    with Emulator(state=path) as emulator:
        emulator.seed("acme-two")
        with pytest.raises(StateFileBusy):
            Emulator(state=file).start()
    assert path.is_symlink()
    assert b'"format":2' in file.read_bytes()
    with Emulator(state=file) as emulator:
        assert emulator.account("acme-one")
        assert emulator.account("acme-two")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere", "state.json"]
    assert list(file.parent.iterdir()) == [file]


def test_a_link_to_a_file_that_does_not_exist_yet(tmp_path: Path, path: Path) -> None:
    path.symlink_to(tmp_path / "file.json")
    for shortname in ("acme-one", "acme-two"):
        with Emulator(state=path) as emulator:
            emulator.seed(shortname)
    with Emulator(state=tmp_path / "file.json") as emulator:
        assert len(emulator.accounts()) == 2


def test_a_file_with_two_names_is_the_same_for_both(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other.json"
    with Emulator(state=path):
        pass
    other.hardlink_to(path)
    for number, name in enumerate([path, other, path, other]):
        with Emulator(state=name) as emulator:
            emulator.seed(f"acme-{number}")
            assert len(emulator.accounts()) == number + 1
            with pytest.raises(StateFileBusy):
                Emulator(state=other if name == path else path).start()
    assert path.samefile(other)


def test_a_file_of_an_earlier_format_with_two_names_is_not_converted(tmp_path: Path, path: Path) -> None:
    shutil.copyfile(EARLIER, path)
    (tmp_path / "other.json").hardlink_to(path)
    with pytest.raises(StateFileUnreadable, match=r"another name .* Copy the file, and use the copy"):
        Emulator(state=path).start()
    assert path.read_bytes() == EARLIER.read_bytes()


def test_a_full_disk_refuses_changes_and_loses_none(path: Path) -> None:
    """A limit of the size of files is one that a test can set; Python ignores its signal, SIGXFSZ."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    with Emulator(state=path) as emulator:
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        # In the middle of the next change.
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, before[1]))
        try:
            refused = caller.create()
            again = caller.authenticate()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        for reply in (refused, again):
            assert (reply.status, reply.json["message"]) == (500, "The state could not be stored: File too large")
        assert caller.names() == []
        assert caller.create(shortname="acme-two").status == 201
        copy = path.with_name("copy.json")
        shutil.copyfile(path, copy)
    with Emulator(state=copy) as emulator:
        assert [each.shortname for each in emulator.accounts()] == ["acme-two"]


def test_a_file_that_cannot_be_replaced_is_used_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder that cannot be written, or where the file is a mount point."""
    with Emulator(state=path) as emulator:
        emulator.seed("acme-one")

    def fails(source: object, target: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(os, "replace", fails)
    monkeypatch.setattr(Path, "replace", fails)
    for number in range(3):
        with Emulator(state=path) as emulator:
            assert len(emulator.accounts()) == number + 1
            emulator.seed(f"more-{number}")
    assert list(path.parent.iterdir()) == [path]
