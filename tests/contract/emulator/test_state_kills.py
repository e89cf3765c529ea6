"""Whenever an emulator is killed, its state file has what it acknowledged, and a change wholly or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fusion_emulator
from fusion_emulator import Emulator
from fusion_emulator.documents import read
from tests.benchmarks.emulator.kills import killed
from tests.contract.emulator.caller import Caller
from tests.contract.emulator.dying import NOW
from tests.contract.emulator.invariants import broken
from tests.contract.emulator.test_state_file import EARLIER
from tests.scale import scaled


@pytest.mark.parametrize("earlier", [False, True], ids=["new", "earlier"])
def test_an_emulator_that_ends_at_any_call_to_the_file_system(tmp_path: Path, earlier: bool) -> None:
    command = [sys.executable, "-m", "tests.contract.emulator.dying", str(tmp_path), str(scaled(4, nightly=1))]
    done = subprocess.run([*command, *([str(EARLIER)] if earlier else [])], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(runs) > scaled(15, nightly=100)
    assert sum(len(run["notes"]) for run in runs) > 2 * len(runs)
    for run in runs:
        verify(Path(run["path"]), run["notes"], earlier=earlier)


def verify(path: Path, notes: list[dict[str, Any]], *, earlier: bool) -> None:
    """Start an emulator on the file, and compare its accounts with what another one noted."""
    sent = [note["sent"] for note in notes if "sent" in note]
    acknowledged = [note["acknowledged"] for note in notes if note.get("acknowledged") in sent]
    assert len(sent) - len(acknowledged) <= 1
    with Emulator(state=path, clock=lambda: NOW) as emulator:
        present = {account.shortname for account in emulator.accounts()}
        assert present - {"acme-one"} in (after(acknowledged), after(sent)), path
        assert ("acme-one" in present) == earlier
        assert {mail.account for mail in emulator.mails()} >= {account.id for account in emulator.accounts()}
        caller = Caller(emulator.netosecret)
        assert caller.authenticate(iat=NOW).status == 200
        for note in notes:
            if "token" in note:
                caller.token = note["token"]
                assert set(caller.names()) == present
            if "netosecret" in note:
                assert Caller(note["netosecret"]).secret["appkey"] == caller.secret["appkey"]
    assert list(path.parent.iterdir()) == [path]
    assert not broken(json.loads(path.read_text().splitlines()[0]))
    assert not read(path.read_bytes()).whole or notes == [], (
        "the file was rewritten at the start, then one token was added"
    )


def after(changes: list[str]) -> set[str]:
    """Return the names that exist after creates and, with a minus, deletions."""
    names = {change for change in changes if not change.startswith("-")}
    return names - {change[1:] for change in changes if change.startswith("-")}


def test_nothing_acknowledged_is_lost_by_kill_9_under_load(tmp_path: Path) -> None:
    found = killed(Path(fusion_emulator.__file__).parents[1], tmp_path / "state.json", kills=scaled(5, nightly=200))
    assert found.acknowledged
    assert not found.lost
    assert not found.unsent
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state.json"]
