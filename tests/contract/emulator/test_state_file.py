"""What a state file preserves: over restarts, kill -9, a second emulator on the same file."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from fusion_emulator import Emulator, StateFileBusy, StateFileUnreadable
from tests.contract.cli.terminal import Process
from tests.contract.emulator.caller import Caller

EARLIER = Path(__file__).parent / "earlier_state.json"
"""Written by the emulator of commit 6555204."""

# A server in a process of its own: prints its credential and waits to be killed.
HOST = """
import sys
from pathlib import Path
from fusion_emulator import serve
serve(state=Path(sys.argv[1]), ready=lambda emulator: print(emulator.netosecret, flush=True))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emulator" / "state.json"


def test_a_state_file_preserves_everything_over_a_restart(path: Path) -> None:
    with Emulator(state=path) as emulator:
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        record = caller.create().data
        assert caller.send("POST", "/api/v1/api-keys", {"appname": "ci", "roles": ["readonly"]}).status == 201
        before = (emulator.root, emulator.accounts(), emulator.users(), emulator.mails())
    with Emulator(state=path) as again:
        assert (again.root, again.accounts(), again.users(), again.mails()) == before
        secret, caller = caller.secret, Caller(again.netosecret, token=caller.token)
        assert {**caller.secret, "url": ""} == {**secret, "url": ""}
        assert caller.read().data == record
        assert caller.send("POST", "/api/v1/auth/token", {"jwt": caller.request_token()}, bearer=None).status == 200


def test_a_state_file_is_private_and_the_only_file(path: Path) -> None:
    with Emulator(state=path) as emulator:
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        caller.create()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert sorted(each.name for each in path.parent.iterdir()) == ["state.json"]


def test_answered_changes_survive_kill_9(path: Path) -> None:
    with Process([sys.executable, "-c", HOST, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        caller = Caller(process.stdout.readline().strip())
        caller.authenticate()
        records = [caller.create(shortname=f"acme-{number}").data for number in range(5)]
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with Emulator(state=path) as emulator:
        assert [account.id for account in emulator.accounts()] == [record["id"] for record in records]
        again = Caller(emulator.netosecret)
        assert again.secret["sharedsecret"] == caller.secret["sharedsecret"]
        assert Caller(emulator.netosecret, token=caller.token).read("acme-0").data == records[0]


def test_a_second_emulator_on_a_state_file_is_an_error(path: Path) -> None:
    with Emulator(state=path) as first:
        second = Emulator(state=path)
        with pytest.raises(StateFileBusy, match="in use by another emulator"):
            second.start()
        assert Caller(first.netosecret).authenticate().status == 200
    with second:
        assert second.accounts() == ()


def test_a_state_file_of_format_1_is_read(path: Path) -> None:
    """It also has a custom role, a user's login and password, refresh tokens, and a list of addresses: all ignored."""
    path.parent.mkdir()
    path.write_bytes(EARLIER.read_bytes())
    stored = json.loads(path.read_text())
    with Emulator(state=path, clock=lambda: 1_795_800_000.0) as emulator:
        caller = Caller(emulator.netosecret)
        assert caller.authenticate(iat=1_795_800_000).status == 200
        assert caller.names() == [account.shortname for account in emulator.accounts()] == ["acme-one"]
        assert caller.send("GET", "/api/v1/customer/access-allowed-ips").json == []
        statuses = {
            (session["kind"], session["user"] is None): caller.send(
                "GET", "/api/v1/customers", bearer=jwt.encode({"jti": id_}, stored["signing_key"], algorithm="HS256")
            ).status
            for id_, session in stored["sessions"].items()
        }
    assert statuses == {("access", True): 200, ("refresh", True): 401, ("access", False): 401, ("refresh", False): 401}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 99}'])
def test_a_file_with_other_content_is_refused_and_not_modified(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(StateFileUnreadable, match=str(path)):
        Emulator(state=path).start()
    assert path.read_text() == text


def test_a_change_that_cannot_be_stored_is_refused_with_the_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with Emulator(state=path) as emulator:
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        stored = path.read_bytes()

        def full_disk(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full_disk)
        refused = caller.create()
        assert (refused.status, refused.json["message"]) == (
            500,
            "The state could not be stored: No space left on device",
        )
        monkeypatch.undo()
        assert emulator.accounts() == ()
        assert path.read_bytes() == stored
        assert caller.create().status == 201
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_locks_causes_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    def fails(descriptor: object, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", fails)
    with Emulator(state=tmp_path / "fusion.json") as running:
        running.seed("acme-corp")
    assert f"The file system of {tmp_path / 'fusion.json'} has no locks" in caplog.text
    with Emulator(state=tmp_path / "fusion.json") as running:
        assert running.account("acme-corp") is not None


def test_a_file_system_that_cannot_sync_a_directory_stores_the_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CIFS is one."""
    known = os.fsync

    def fails(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        known(descriptor)

    monkeypatch.setattr(os, "fsync", fails)
    with Emulator(state=tmp_path / "fusion.json") as running:
        running.seed("acme-corp")
    with Emulator(state=tmp_path / "fusion.json") as running:
        assert running.account("acme-corp") is not None
