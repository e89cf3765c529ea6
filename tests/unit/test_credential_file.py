"""The credential from a file or a pipe, and the errors of one that can't be read."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion import credential_file
from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.settings import Settings


def resolve(
    explicit: Mapping[str, Any] | None = None,
    config: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    return Settings.resolve(explicit, config=(config or {}).get, environ=environ or {})


def test_the_credential_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "netosecret"
    file.write_text("  secret-in-a-file\n")
    settings = resolve(environ={"FUSION_NETOSECRET_FILE": str(file)})
    assert settings.credential().reveal() == "secret-in-a-file"
    assert settings.sources == {"netosecret": "file named by FUSION_NETOSECRET_FILE"}

    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve(environ={"FUSION_NETOSECRET_FILE": "~/netosecret"}) == settings
    before = resolve(environ={"FUSION_NETOSECRET_FILE": str(file), "NETOSECRET": "secret-of-environment"})
    assert before.credential().reveal() == "secret-of-environment"
    assert resolve(environ={"FUSION_NETOSECRET_FILE": " "}) == Settings()


def refused(environ: Mapping[str, str]) -> str:
    with pytest.raises(SettingsError) as raised:
        resolve(environ=environ)
    assert not isinstance(raised.value, MissingSetting)
    return str(raised.value)


def test_a_credential_file_that_cannot_be_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "quotes").write_text('""\n')
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "long").write_text("x" * 100_000)
    monkeypatch.chdir(tmp_path)
    for name, problem in (
        ("absent", f"can't be read: No such file or directory: {tmp_path}/absent"),
        (".", "can't be read: Is a directory"),
        ("empty", "is empty"),
        ("quotes", "is empty"),
        ("binary", "is not a UTF-8 text file"),
        ("long", "is too long to be a credential"),
        ("/dev/zero", "is too long to be a credential"),
        (
            "~nobody-of-this-name/netosecret",
            "can't be read: there is no home directory for its ~. Set HOME, or use an absolute path",
        ),
        (
            "/dev/fd/987",
            "can't be read: No such file or directory: /dev/fd/987, perhaps a pipe of another process. Put the",
        ),
    ):
        # A relative name depends on the working directory, so the error shows the absolute path.
        for given in (name, str(tmp_path / name)) if name[0] not in "~/" else (name,):
            message = refused({"FUSION_NETOSECRET_FILE": given})
            assert f"netosecret (file named by FUSION_NETOSECRET_FILE) {problem}" in message


def test_without_a_home_the_error_names_what_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert "Set HOME, or use an absolute path" in refused({"FUSION_NETOSECRET_FILE": "~/netosecret"})


@pytest.mark.parametrize("around", ["{}", '"{}"\n', "'{}'", "\ufeff{}\r\n", '\ufeff"{}"'])
def test_quotes_and_white_space_around_a_credential_are_removed(tmp_path: Path, around: str) -> None:
    text = around.format("secret-in-the-middle")
    (tmp_path / "netosecret").write_text(text, encoding="utf-8")
    for environ in ({"NETOSECRET": text}, {"FUSION_NETOSECRET_FILE": str(tmp_path / "netosecret")}):
        assert resolve(environ=environ).credential().reveal() == "secret-in-the-middle"
    assert resolve(environ={"FUSION_API_URL": around.format("https://a.netography.com")}).api_url == (
        "https://a.netography.com"
    )


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_a_pipe_is_read_once_for_a_whole_process(pipe: Path) -> None:
    writer = threading.Thread(target=pipe.write_text, args=("secret-through-a-pipe\n",))
    writer.start()
    for _ in range(3):
        settings = resolve(environ={"FUSION_NETOSECRET_FILE": str(pipe)})
        assert settings.credential().reveal() == "secret-through-a-pipe"
        writer.join()


def test_the_pipe_of_a_shell_is_read_once_for_a_whole_process() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"secret-of-the-shell")
    os.close(writing)
    for _ in range(3):
        settings = resolve(environ={"FUSION_NETOSECRET_FILE": f"/dev/fd/{reading}"})
        assert settings.credential().reveal() == "secret-of-the-shell"
    os.close(reading)


@pytest.mark.parametrize("written", [None, b"", b"half of it"])
def test_an_empty_pipe_is_waited_for_only_briefly(
    pipe: Path, monkeypatch: pytest.MonkeyPatch, written: bytes | None
) -> None:
    """The pipe has no writer, as in the second process that reads it, or the writer never closes it."""
    monkeypatch.setattr(credential_file, "_NO_WRITER_SECONDS", 0.2)
    monkeypatch.setattr(credential_file, "_WRITER_SECONDS", 0.4)
    with contextlib.ExitStack() as stack:
        if written is not None:
            holder = os.open(pipe, os.O_RDWR)
            stack.callback(os.close, holder)
            os.write(holder, written)
        message = refused({"FUSION_NETOSECRET_FILE": str(pipe)})
    assert "is a pipe, and no complete credential was written to it" in message
    assert "Put the credential into a file or into NETOSECRET" in message


def test_a_child_forked_while_a_pipe_is_waited_for_reads_its_own(pipe: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"secret-of-the-child")
    os.close(writing)
    holder = os.open(pipe, os.O_RDWR)
    waiting = threading.Thread(target=lambda: resolve(environ={"FUSION_NETOSECRET_FILE": str(pipe)}))
    waiting.start()
    while not credential_file._pipes._lock.locked():
        time.sleep(0.01)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # instead of waiting for ever
        try:
            settings = resolve(environ={"FUSION_NETOSECRET_FILE": f"/dev/fd/{reading}"})
            os._exit(0 if settings.credential().reveal() == "secret-of-the-child" else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    os.write(holder, b"secret-of-the-parent")
    os.close(holder)
    os.close(reading)
    waiting.join()
