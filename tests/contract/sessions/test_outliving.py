"""The effects that remain after a session are reported at its end, on stderr and in the audit."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fusion_emulator import Emulator, FaultWarning
from pulumi_fusion import FusionClient, masquerade
from pulumi_fusion.errors import Forbidden, InDoubt, OutOfBounds
from tests.contract.cli.terminal import Terminal
from tests.contract.sessions.records import audit, last_record

pytestmark = pytest.mark.threat("outlives-unsaid")

REASON = "INC-1234 ingest check"
OPEN = ("masquerade", "acme-corp", "--reason", REASON, "--ci")
BODY = {"email": "new@acme.example.com", "given_name": "New", "family_name": "User", "roles": ["readonly"]}
MOMENT = r"may still work until [0-9-]{10} [0-9:]{5} UTC \(in (1 h|59 min)\)"


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as running:
        running.switch(token_lifetime=3600)
        running.seed("acme-corp")
        monkeypatch.setenv("FUSION_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
        yield running


@pytest.fixture
def desk(tmp_path: Path, emulator: Emulator) -> Terminal:
    return Terminal(tmp_path, {"NETOSECRET": emulator.netosecret, "TZ": "UTC", "COLUMNS": "300"})


def asking(*requests: tuple[str, str, object]) -> tuple[str, ...]:
    """Return a command that sends these requests and exits with 0."""
    program = "from pulumi_fusion import FusionClient\nfrom pulumi_fusion.errors import FusionError\n"
    program += "client = FusionClient()\n"
    for method, path, body in requests:
        program += f"try: client.request({method!r}, {path!r}, {body!r})\nexcept FusionError: pass\n"
    return (sys.executable, "-c", program)


def test_what_a_session_changed_is_named_at_its_end(desk: Terminal) -> None:
    command = asking(
        ("POST", "/api/v1/user", BODY),
        ("GET", "/api/v1/users", None),
        ("POST", "/api/v1/api-keys", {"appname": "left-behind", "roles": ["admin"]}),
        ("POST", "/api/v1/user", {}),
    )
    done = desk.run(*OPEN, "--write", "--", *command)
    *_, ended, changed = done.stderr.splitlines()
    assert ended.endswith("exit code 0; 1 GET, 3 POST")
    assert changed == (
        "!! 2 requests changed something inside acme-corp: POST /api/v1/user, POST /api/v1/api-keys. "
        "What they created there (API keys, users) remains."
    )
    assert last_record(desk)["changes"] == {
        "made": 2,
        "made_paths": {"POST /api/v1/user": 1, "POST /api/v1/api-keys": 1},
        "unknown": 0,
        "unknown_paths": {},
    }


@pytest.mark.parametrize("mode", [(), ("--write",)])
def test_a_session_that_changed_nothing_reports_no_changes(desk: Terminal, mode: tuple[str, ...]) -> None:
    command = asking(("GET", "/api/v1/users", None), ("POST", "/api/v1/user", {}), ("POST", "/api/v1/search/flow", {}))
    done = desk.run(*OPEN, *mode, "--", *command)
    assert "MASQUERADE ENDED" in done.stderr.splitlines()[-1]
    assert "remains" not in done.stderr
    assert last_record(desk)["changes"]["made"] == last_record(desk)["changes"]["unknown"] == 0


def test_changes_with_an_unknown_outcome_are_reported_separately(desk: Terminal, emulator: Emulator) -> None:
    emulator.faults.add("POST /user 502 x1")
    done = desk.run(*OPEN, "--write", "--", *asking(("POST", "/api/v1/user", BODY)))
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        "!! 1 request may have changed something inside acme-corp, since the outcome is unknown: POST "
    )
    changes = last_record(desk)["changes"]
    assert (changes["made"], changes["unknown_paths"]) == (0, {"POST /api/v1/user": 1})


def test_refused_attempts_are_reported_by_kind(desk: Terminal) -> None:
    command = asking(
        ("DELETE", "/api/v1/user/1", None), ("PUT", "/api/v1/user/1", {}), ("POST", "/api/v2/auth/token", {})
    )
    done = desk.run(*OPEN, "--", *command)
    assert done.stderr.splitlines()[-1].endswith("exit code 0; no requests, 3 refused (token routes: 1, writes: 2)")
    assert last_record(desk)["refused"] == {"token routes": 1, "writes": 2}


def test_a_raw_token_is_reported_with_its_expiry_and_without_counts(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--raw-token", "--", "true")
    given, *_, ended, token = [line for line in done.stderr.splitlines() if "audit:" not in line]
    assert re.search(MOMENT, given)
    assert ended.endswith("exit code 0; what the raw token was used for is unknown")
    assert re.search(rf"RAW TOKEN: it {MOMENT}, and its use inside acme-corp is neither", token)
    record = last_record(desk)
    assert {record[name] for name in ("requests", "refused", "paths", "changes")} == {"unknown"}
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\+00:00", record["token_ends"])
    [row] = [line for line in desk.run("audit").stdout.splitlines() if "acme-corp" in line]
    assert "raw token" in row
    assert "unknown" in row


def test_a_raw_token_is_reported_when_the_time_is_over(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--raw-token", "--duration", "1s", "--", "sleep", "100")
    assert done.returncode == 124
    assert re.search(rf"the time is over, but the raw token {MOMENT}", done.stderr)
    assert re.search(rf"RAW TOKEN: it {MOMENT}", done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("--write", "and its access is gone; what it changed inside the customer, if anything, remains"),
        ("--raw-token", f"but the raw token {MOMENT}"),
    ],
)
def test_the_message_of_a_killed_helper_has_the_remaining_effects(desk: Terminal, mode: str, words: str) -> None:
    with desk.start(*OPEN, mode, "--", "sh", "-c", "echo up; sleep 1000") as helper:
        assert helper.stdout is not None
        assert helper.stdout.readline() == "up\n"
        helper.kill()
        _, stderr = helper.communicate(timeout=60)
    assert re.search(f"its helper died, {words}. Its processes are ended", stderr)


def test_a_session_in_python_logs_its_remaining_effects(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with FusionClient(netosecret=emulator.netosecret, deadline=20) as fusion:
        with masquerade("acme-corp", reason=REASON, client=fusion) as session:
            session.get("/api/v1/users")
            with pytest.raises(OutOfBounds):
                session.post("/api/v1/user", BODY)
        assert caplog.messages == []
        with (
            pytest.raises(ZeroDivisionError),
            masquerade("acme-corp", reason=REASON, client=fusion, write=True) as session,
        ):
            session.post("/api/v1/user", BODY)
            with pytest.warns(FaultWarning, match="no method PUT"):
                emulator.faults.add("PUT /user/1 502")
            with pytest.raises(InDoubt):
                session.put("/api/v1/user/1", {})
            emulator.faults.clear()
            emulator.faults.add("DELETE /user/1 403")
            with pytest.raises(Forbidden):
                session.delete("/api/v1/user/1")
            1 / 0  # noqa: B018 - raises
    made, unknown = caplog.messages
    assert made.startswith("1 request changed something inside acme-corp: POST /api/v1/user. ")
    assert unknown.startswith(
        "1 request may have changed something inside acme-corp, since the outcome is unknown: PUT "
    )
    *_, end = audit(tmp_path)
    assert (end["changes"]["made"], end["changes"]["unknown"]) == (1, 1)
