"""The file of an option is replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from pulumi_fusion.cli.output_file import write_file


def test_a_file_keeps_its_mode_and_a_link_stays(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o600)
    link.symlink_to(file)
    write_file(link, "new\r\n")
    assert (file.read_bytes(), file.stat().st_mode & 0o777, link.is_symlink()) == (b"new\r\n", 0o600, True)
    assert len([*tmp_path.iterdir()]) == 2


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "file", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_failure_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("old")

    def refuse(written: Path) -> None:
        assert written.read_text() == "new"
        raise ValueError

    with pytest.raises(ValueError):
        write_file(file, "new", check=refuse)
    monkeypatch.setattr(os, "fsync", lambda descriptor: os.close(-1))
    with pytest.raises(click.ClickException, match=f"can't write {file}: Bad file descriptor"):
        write_file(file, "new")
    assert (file.read_text(), [*tmp_path.iterdir()]) == ("old", [file])


def test_a_device_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, "new")
    assert (os.read(reader, 10), pipe.is_fifo()) == (b"new", True)
    os.close(reader)
