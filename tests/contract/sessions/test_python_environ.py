"""The environment that a session in Python gives its subprocesses."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, Session, masquerade
from pulumi_fusion.api.credentials import Netosecret
from pulumi_fusion.errors import SessionEnded, SessionRefused
from pulumi_fusion.redaction import Secret
from tests.contract.sessions.records import REASON, Later, audit, changes

HEAD: Final = """
import json, os, sys
from pulumi_fusion import FusionClient, masquerade
from pulumi_fusion.errors import FusionError
def tried(act):
    try:
        return act()
    except FusionError as failure:
        return f"{type(failure).__name__}: {failure}"
"""
PROGRAM: Final = (
    HEAD
    + """
fusion = FusionClient(deadline=10)
def nested():
    with masquerade("acme-east", reason="a session inside a session") as session:
        return session.customer
print(json.dumps({
    "account": fusion.account,
    "customers": [each.shortname for each in fusion.list_customers()],
    "write": tried(lambda: fusion.delete_customer("acme-east")),
    "nested": tried(nested),
    "environ": dict(os.environ),
}))
"""
)


def run(program: str, environ: dict[str, str]) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def address(environ: dict[str, str]) -> tuple[str, int]:
    parts = urlsplit(Netosecret.parse(Secret(environ["NETOSECRET"])).url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def refuses(where: tuple[str, int]) -> bool:
    try:
        socket.create_connection(where, timeout=2).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


@pytest.mark.threat("reads-the-credential")
@pytest.mark.threat("writes-read-only")
def test_a_subprocess_acts_inside_the_bounds_of_the_session(
    emulator: Emulator, fusion: FusionClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETOSECRET", emulator.netosecret)
    monkeypatch.setenv("COPY_OF_IT", emulator.netosecret)
    monkeypatch.setenv("FUSION_ACCOUNT", "other-corp")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "kept on demand")
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        session.get("/api/v1/users")
        message = run(PROGRAM, session.environ())
        assert (message["account"], message["customers"]) == ("acme-corp", ["acme-east"])
        assert "read-only" in message["write"]
        assert "SessionRefused" in message["nested"]
        assert message["environ"]["FUSION_MASQUERADE"] == "acme-corp"
        assert {"COPY_OF_IT", "FUSION_ACCOUNT", "FUSION_AUDIT_FILE", "PULUMI_CONFIG_PASSPHRASE"}.isdisjoint(
            message["environ"]
        )
        assert emulator.netosecret not in str(message["environ"])
        assert session.environ(keep=["PULUMI_CONFIG_PASSPHRASE"])["PULUMI_CONFIG_PASSPHRASE"] == "kept on demand"
        assert os.environ["NETOSECRET"] == emulator.netosecret
    assert changes(emulator) == []
    end = audit(tmp_path)[1]
    assert end["requests"] == {"GET": 2}
    assert sum(end["refused"].values()) == 1


def test_a_session_with_write_may_write_in_a_subprocess(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion, write=True) as session:
        program = HEAD + 'print(json.dumps(tried(lambda: FusionClient().delete_customer("acme-east"))))'
        assert run(program, session.environ()) is None
    assert changes(emulator) == ["DELETE /api/v1/customer/acme-east"]


@pytest.mark.threat("outlives-the-end")
def test_the_port_is_closed_after_the_block(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        environ = session.environ()
        assert not refuses(address(environ))
    assert refuses(address(environ))
    message = run(HEAD + "print(json.dumps(tried(FusionClient(deadline=2).list_customers)))", environ)
    assert "which may have ended" in message
    with pytest.raises(SessionEnded, match="the session was left"):
        session.environ()


@pytest.mark.threat("outlives-the-end")
def test_the_port_is_closed_when_the_time_is_over(
    emulator: Emulator, fusion: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Later()
    monkeypatch.setattr("pulumi_fusion.sessions.access.now", later)
    with masquerade("acme-corp", reason=REASON, client=fusion, duration=timedelta(seconds=60)) as session:
        where = address(session.environ())
        assert not refuses(where)
        later.by = 60
        end = time.monotonic() + 60
        while not refuses(where) and time.monotonic() < end:
            time.sleep(0.05)
        assert refuses(where)
        assert session.remaining() == 0
        with pytest.raises(SessionEnded, match="its 1 min are over"):
            session.environ()


def test_a_session_starts_one_endpoint_at_the_first_environ(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        assert all(each.name != "pulumi-fusion-session-end" for each in threading.enumerate())
        got: list[str] = []
        threads = [threading.Thread(target=lambda: got.append(session.environ()["NETOSECRET"])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 8
        assert len(set(got)) == 1


def test_environ_at_the_end_of_a_session_opens_no_port(emulator: Emulator, fusion: FusionClient) -> None:
    found: list[dict[str, str]] = []

    def ask(session: Session) -> None:
        try:
            while True:
                found.append(session.environ())
        except SessionEnded:
            pass

    for _ in range(5):
        with masquerade("acme-corp", reason=REASON, client=fusion) as session:
            threads = [threading.Thread(target=ask, args=(session,)) for _ in range(4)]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join()
    assert all(refuses(where) for where in {address(each) for each in found})


def test_a_skipped_session_starts_no_endpoint(
    emulator: Emulator, fusion: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulumi_fusion.sessions.session._is_preview", lambda customer: True)
    got: list[dict[str, str]] = []
    with masquerade("acme-corp", reason=REASON, client=fusion, skip_in_preview=True) as session:
        got.append(session.environ())
    assert got == []
    with pytest.raises(SessionEnded):
        session.environ()


def test_an_endpoint_that_cannot_start_is_reported(
    emulator: Emulator, fusion: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(access: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("pulumi_fusion.sessions.subprocesses.Endpoint", failing)
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        with pytest.raises(SessionRefused, match="Too many open files"):
            session.environ()
        monkeypatch.undo()
        assert session.environ()["FUSION_MASQUERADE"] == "acme-corp"
