"""Health, and back to the start."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator, Refused, Switches
from pulumi_fusion import FusionClient
from tests.contract.emulator.caller import Caller

RESET = "/_emulator/reset"
HEALTH = "/_emulator/health"


def show(caller: Caller) -> dict[str, Any]:
    """Return what the control routes show."""
    shown = {
        name: caller.send("GET", f"/_emulator/{name}").json for name in ("accounts", "mails", "faults", "switches")
    }
    return {**shown, "ahead": caller.send("GET", "/_emulator/clock").json["ahead"]}


def disturb(emulator: Emulator, caller: Caller) -> None:
    """Change all parts."""
    assert caller.create().status == 201
    emulator.remove("first-co")
    emulator.edit("example-msp", organization="Other")
    emulator.faults.add("GET /customers 503")
    emulator.switch(absence=403, record="extended")
    emulator.clock.advance(10)


def test_health_shows_that_the_emulator_answers(tmp_path: Path) -> None:
    with Emulator(state=tmp_path / "fusion.json", faults=["* * reset"]) as emulator:
        emulator.seed("acme-one")
        shown = Caller(emulator.netosecret).send("GET", HEALTH).json
        assert 0 <= shown.pop("uptime") < 60
        assert shown == {"status": "ok", "version": version("pulumi-fusion"), "accounts": 1, "stored": "file"}
    with Emulator() as emulator:
        shown = Caller(emulator.netosecret).send("GET", HEALTH).json
        assert (shown["accounts"], shown["stored"]) == (0, "memory")


@pytest.mark.parametrize("stored", [False, True])
def test_a_reset_returns_to_the_start(tmp_path: Path, stored: bool) -> None:
    path = tmp_path / "fusion.json" if stored else None
    with Emulator(state=path) as before:
        before.seed("first-co")
    with Emulator(Switches(absence=400), state=path, faults=["GET /customers/types 500 x1"], seed=7) as emulator:
        if not stored:
            emulator.seed("first-co")
            emulator.stop()
            emulator.start()
        caller = Caller(emulator.netosecret)
        start = show(caller)
        for number in (1, 2):
            assert caller.authenticate().status == 200
            # A number that an entry of the log has is not used again.
            assert emulator.requests[-1].token == number
            disturb(emulator, caller)
            reply = caller.send("POST", RESET)
            assert (reply.status, reply.json["status"], reply.json["accounts"]) == (200, "ok", 1)
            assert show(caller) == start
            assert list(emulator.requests) == []
            assert caller.read().status == 401
        assert emulator.netosecret == caller.netosecret
    if path is not None:
        with Emulator(state=path) as again:
            assert [each.shortname for each in again.accounts()] == ["first-co"]
            assert again.root.organization == "Example MSP"


def test_a_client_works_on_after_a_reset(emulator: Emulator) -> None:
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url) as fusion:
        emulator.seed("acme-one")
        assert len(fusion.list_customers()) == 1
        emulator.reset()
        assert fusion.list_customers() == []


def test_the_same_ids_are_given_after_a_reset_with_a_seed() -> None:
    with Emulator(seed=7) as emulator:
        first = emulator.seed("acme-one")
        emulator.reset(["accounts"])
        assert emulator.seed("acme-one").id == first.id


@pytest.mark.parametrize("part", ["accounts", "faults", "switches", "requests", "clock"])
def test_a_part_is_reset_alone(emulator: Emulator, caller: Caller, part: str) -> None:
    emulator.seed("first-co")
    start = show(caller)
    disturb(emulator, caller)
    caller.read()
    disturbed, count = show(caller), len(emulator.requests)
    assert caller.send("POST", RESET, {"only": [part]}).status == 200
    after = show(caller)
    changed = {"accounts": {"accounts", "mails"}, "clock": {"ahead"}, "requests": set()}.get(part, {part})
    assert {name for name in after if after[name] != disturbed[name]} == changed
    if part == "accounts":
        assert (after["accounts"], emulator.root.organization) == ([], "Example MSP")
        # Not the number of a token that the requests name.
        caller.authenticate()
        assert emulator.requests[-1].token == 2
    else:
        assert all(after[name] == start[name] for name in changed)
    assert len(emulator.requests) == {"requests": 0, "accounts": count + 1}.get(part, count)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"only": ["faults", "tokens"]}, "only: expected a list of accounts, faults, switches, requests, clock"),
        ({"only": "faults"}, "only: expected a list of accounts, faults, switches, requests, clock"),
        ({"parts": []}, "parts: no such field (there are: only)"),
        ([], "The body is not a JSON object"),
    ],
)
def test_a_part_that_does_not_exist_is_refused(emulator: Emulator, caller: Caller, body: object, message: str) -> None:
    disturb_before = emulator.seed("acme-one")
    refused = caller.send("POST", RESET, body)
    assert (refused.status, refused.json["message"]) == (400, message)
    with pytest.raises(Refused, match="only: there is no part 'tokens'"):
        emulator.reset(["tokens"])
    assert emulator.accounts() == (disturb_before,)


def test_switches_that_the_accounts_break_are_not_reset_alone(emulator: Emulator, caller: Caller) -> None:
    emulator.switch(unique_shortnames=False)
    emulator.seed("acme-one")
    emulator.seed("acme-one")
    refused = caller.send("POST", RESET, {"only": ["switches"]})
    assert (refused.status, "2 have the shortname 'acme-one'" in refused.json["message"]) == (400, True)
    assert caller.send("POST", RESET, {"only": ["switches", "accounts"]}).status == 200
    assert emulator.switches == Switches()
