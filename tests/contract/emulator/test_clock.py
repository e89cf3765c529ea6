"""The control routes of the clock, and what follows it."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import jwt
import pytest

from fusion_emulator import Emulator, Switches
from pulumi_fusion import FusionClient
from tests.contract.emulator.caller import Caller

PATH = "/_emulator/clock"
NOW = 1_798_761_600.0  # 2027-01-01T00:00:00Z
HOUR = 3600.0


def test_the_clock_is_shown_set_advanced_and_reset_from_another_process() -> None:
    with Emulator(clock=lambda: NOW) as emulator:
        caller = Caller(emulator.netosecret)
        machine = {"now": "2027-01-01T00:00:00.000Z", "unix": NOW, "ahead": 0.0}
        later = {"now": "2027-01-01T01:00:00.500Z", "unix": NOW + 3600.5, "ahead": 3600.5}
        assert caller.send("GET", PATH).json == machine
        for change, shown in (
            ({"advance": 3600.5}, later),
            ({"advance": -3600.5}, machine),
            ({"now": "2027-01-01T02:00:00.5+01:00"}, later),
        ):
            reply = caller.send("PATCH", PATH, change)
            assert (reply.status, reply.json) == (200, shown)
            assert caller.send("GET", PATH).json == shown
        assert caller.send("DELETE", PATH).json == machine
        assert caller.send("GET", PATH).json == machine


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "The body needs either now or advance"),
        ({"now": "2027-01-01T00:00:00Z", "advance": 1}, "The body needs either now or advance"),
        ({"time": 1}, "time: no such field (there are: now, advance)"),
        ([], "The body is not a JSON object"),
        ({"now": "tomorrow"}, "now: not a time with a zone, such as 2027-01-01T00:00:00Z"),
        ({"now": "2027-02-29T00:00:00Z"}, "now: no such time: day is out of range for month"),
        ({"now": 1798761600}, "now: expected a time with a zone, such as 2027-01-01T00:00:00Z"),
        ({"now": "1969-12-31T23:59:59Z"}, "now: the time is outside the years 1970 to 8999"),
        ({"advance": 1e300}, "advance: the time is outside the years 1970 to 8999"),
        ({"advance": -1e300}, "advance: the time is outside the years 1970 to 8999"),
        ({"advance": "3600"}, "advance: expected a number of seconds"),
        ({"advance": True}, "advance: expected a number of seconds"),
        ({"advance": None}, "advance: expected a number of seconds"),
    ],
)
def test_a_time_that_cannot_be_set_is_refused(emulator: Emulator, change: object, message: str) -> None:
    reply = Caller(emulator.netosecret).send("PATCH", PATH, change)
    assert reply.status == 400
    assert reply.json["message"].startswith(message)
    assert emulator.clock.ahead == 0


def test_a_token_ends_when_its_lifetime_passes_and_clients_get_a_new_one(emulator: Emulator, caller: Caller) -> None:
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url) as fusion:
        fusion.list_customers()
        caller.send("PATCH", PATH, {"advance": 23.9 * HOUR})
        fusion.list_customers()
        assert caller.read().status == 404
        caller.send("PATCH", PATH, {"advance": 1.1 * HOUR})
        fusion.list_customers()
    assert caller.read().status == 401
    assert caller.authenticate().status == 200
    assert caller.read().status == 404
    # One of each client, before and after.
    assert [each.status for each in emulator.requests.of("POST", "/auth/token")] == [200, 200, 200, 200]


@pytest.mark.parametrize("now", ["1990-01-01T00:00:00Z", "2090-01-01T00:00:00Z"])
def test_clients_work_at_any_time_since_they_are_judged_by_their_own_clock(
    emulator: Emulator, caller: Caller, now: str
) -> None:
    emulator.switch(token_lifetime=100.0)
    assert caller.send("PATCH", PATH, {"now": now}).status == 200
    before = time.time()
    token = caller.authenticate().json["access_token"]
    reply = caller.read()
    assert reply.status == 404
    claims = jwt.decode(token, options={"verify_signature": False})
    assert before - 1 < claims["iat"] < time.time() + 1
    assert claims["exp"] == claims["iat"] + 100
    assert abs(parsedate_to_datetime(reply.headers["Date"]).timestamp() - before) < 60
    assert abs(emulator.requests[-1].time - before) < 60


@pytest.mark.parametrize("ahead", [60.0, -60.0, -7 * 24 * HOUR])
@pytest.mark.parametrize("retry_after", ["seconds", "date"])
def test_a_rate_limit_recovers_when_the_clock_is_moved(retry_after: str, ahead: float) -> None:
    now = float(int(time.time()))
    switches = Switches(customer_rate="1/60").with_text(f"retry_after={retry_after}")
    with Emulator(switches, clock=lambda: now) as emulator:
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        assert caller.create().status == 201
        limited = caller.create(shortname="acme-two")
        assert limited.status == 429
        header = limited.headers["Retry-After"]
        wait = 61 if retry_after == "seconds" else parsedate_to_datetime(header).timestamp() - now
        assert (header.isdigit(), wait) == (retry_after == "seconds", 61)
        caller.send("PATCH", PATH, {"advance": ahead})
        caller.authenticate()
        assert caller.create(shortname="acme-two").status == 201
        # By the clock of the client, which was not moved.
        again = caller.create(shortname="acme-six").headers["Retry-After"]
        assert again == ("61" if retry_after == "seconds" else header)


def test_no_time_that_passes_changes_an_account(emulator: Emulator, caller: Caller) -> None:
    caller.create(retention=7, trial=True)
    before = emulator.snapshot()
    caller.send("PATCH", PATH, {"advance": 10 * 365 * 24 * HOUR})
    caller.authenticate()
    assert caller.read().status == 200
    assert emulator.snapshot() == before


def test_tokens_are_forgotten_once_they_are_not_valid_any_more() -> None:
    now = time.time()
    with Emulator(clock=lambda: now) as emulator:
        caller = Caller(emulator.netosecret)
        for _ in range(3):
            assert caller.authenticate(iat=int(now)).status == 200
            state = emulator._running.state
            assert (len(state.sessions), len(state.seen)) == (1, 1)
            now += 86400
