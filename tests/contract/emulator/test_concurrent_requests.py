"""Requests that run while others change what they need, or while the emulator stops."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator, Switches
from fusion_emulator.service import Service
from fusion_emulator.state import Change, State
from tests.contract.emulator.caller import Caller, customer
from tests.contract.emulator.invariants import broken
from tests.waiting import wait_until

USER = {"email": "a@example.com", "given_name": "A", "family_name": "B", "roles": ["admin"]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/customer", customer()),
        ("POST", "/api/v1/user", USER),
        ("POST", "/api/v1/api-keys", {"appname": "ci", "roles": ["admin"]}),
        ("PUT", "/api/v1/customer/access-allowed-ips", ["127.0.0.1"]),
    ],
)
def test_a_request_whose_account_is_deleted_meanwhile_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: object
) -> None:
    state = tmp_path / "state.json"
    with Emulator(state=state) as emulator:
        emulator.seed("middle", type="reseller")
        caller = Caller(emulator.netosecret, shortname="middle")
        caller.authenticate()
        known = Service.commit

        def commit(service: Service, change: Callable[[State], tuple[Change, Any]]) -> Any:
            """Delete the account after the request was authenticated."""
            monkeypatch.undo()
            emulator.remove("middle")
            return known(service, change)

        monkeypatch.setattr(Service, "commit", commit)
        reply = caller.send(method, path, body)
        assert (reply.status, reply.json["message"]) == (401, "Access token is missing or invalid")
        assert emulator.accounts() == ()
        assert len(emulator.users()) == 1
    with Emulator(state=state) as emulator:
        assert emulator.accounts() == ()


def test_requests_while_the_emulator_stops_and_starts(tmp_path: Path) -> None:
    emulator = Emulator(state=tmp_path / "state.json")
    emulator.start()
    caller = Caller(emulator.netosecret)
    caller.authenticate()
    ended = threading.Event()
    acknowledged: set[str] = set()
    wrong: list[object] = []

    def work(worker: int) -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            name = f"w{worker}-{number:05}"
            try:
                if caller.create(shortname=name).status == 201:
                    acknowledged.add(name)
                    wrong.extend(reply for reply in (caller.read(name), caller.authenticate()) if reply.status != 200)
                listed = caller.send("GET", "/_emulator/accounts").json
            except (OSError, HTTPException):
                # Stopped.
                ended.wait(0.01)
                continue
            ports = {each["ingest_port"] for each in listed}
            wrong.extend([listed] if len(ports) != len(listed) else [])

    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for _ in range(4):
        enough = len(acknowledged) + 5
        wait_until(lambda: len(acknowledged) >= enough)  # noqa: B023  # called at once
        emulator.stop()
        # Nothing listens there, whereas another test's emulator may get the port that is free now.
        caller.secret["url"] = "http://127.0.0.1:1/api/v1"
        emulator = Emulator(state=tmp_path / "state.json")
        emulator.start()
        caller.secret["url"] = f"{emulator.url}/api/v1"
    ended.set()
    for worker in workers:
        worker.join()
    assert not wrong
    assert {account.shortname for account in emulator.accounts()} >= acknowledged
    emulator.stop()
    with Emulator(state=tmp_path / "state.json"):
        assert not broken(json.loads((tmp_path / "state.json").read_bytes().partition(b"\n")[0]))


@pytest.mark.parametrize("text", [False, True])
def test_a_change_of_a_switch_is_not_lost_by_another_at_the_same_time(
    emulator: Emulator, caller: Caller, monkeypatch: pytest.MonkeyPatch, text: bool
) -> None:
    known = Switches.changed
    other = threading.Thread(target=caller.send, args=("PATCH", "/_emulator/switches", {"absence": 403}))

    def changed(switches: Switches, changes: Any) -> Switches:
        """Send the other change within the first one."""
        monkeypatch.undo()
        made = known(switches, changes)
        other.start()
        # It ends only after this one.
        other.join(0.2)
        return made

    monkeypatch.setattr(Switches, "changed", changed)
    if text:
        emulator.switch_by_text("record=extended")
    else:
        emulator.switch(record="extended")
    other.join()
    assert emulator.switches == Switches(absence=403, record="extended")
