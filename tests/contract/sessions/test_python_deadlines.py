"""A client of a session with another deadline ends with the session."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, masquerade
from pulumi_fusion.deadline import Both, Deadline
from pulumi_fusion.errors import Cancelled, DeadlineExceeded, FusionError, InDoubt, SessionEnded
from tests.contract.sessions.records import REASON, Later

LONG: Final = 1000.0


def within(client: FusionClient) -> FusionClient:
    return client.within(Deadline(LONG))


def copied(client: FusionClient) -> FusionClient:
    return client.within(Deadline(LONG)).within(Deadline(LONG))


def with_credentials_again(client: FusionClient) -> FusionClient:
    return client.with_credentials("acme-corp", client._credentials).within(Deadline(LONG))


OTHERS: Final[dict[str, Callable[[FusionClient], FusionClient]]] = {
    "the same": lambda client: client,
    "within": within,
    "copies": copied,
    "with credentials": with_credentials_again,
}


def users(client: FusionClient) -> object:
    return client.list_users()


def relayed(client: FusionClient) -> object:
    with client.relay("GET", "/api/v1/users", {}, None, Deadline(LONG)) as answer:
        return b"".join(answer.chunks)


def sent(client: FusionClient) -> object:
    return client.request("POST", "/api/v1/user", {})


UNDER_WAY: Final[dict[str, tuple[str, Callable[[FusionClient], object]]]] = {
    "a request": ("* /user* hang", users),
    "a write": ("* /user* hang", sent),
    "retries": ("* /user* 503", users),
    "a wait after 503": ("* /user* 503 retry-after=60", users),
    "a wait after 429": ("* /user* 429 retry-after=60", users),
    "a relay": ("* /user* hang", relayed),
    "a relay in the middle of its answer": ("* /user* slice=0.3 size=4", relayed),
}


GIVE_UP: Final = frozenset({"retries", "a wait after 503", "a wait after 429"})


class Call:
    """A call in a separate thread, in flight after the service received the request."""

    def __init__(self, emulator: Emulator, act: Callable[[FusionClient], object], client: FusionClient) -> None:
        self.raised: BaseException | None = None
        emulator.requests.clear()

        def run() -> None:
            try:
                act(client)
            except BaseException as raised:  # noqa: BLE001 - the test judges it
                self.raised = raised

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        end = time.monotonic() + 10
        while not len(emulator.requests) and time.monotonic() < end and not self.raised:
            time.sleep(0.01)

    def end(self) -> BaseException | None:
        """Return what the call raised; it has 5 seconds."""
        self._thread.join(timeout=5)
        assert not self._thread.is_alive(), "the call goes on"
        return self.raised


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("case", UNDER_WAY)
@pytest.mark.threat("outlives-the-end")
def test_a_call_in_flight_is_interrupted_at_the_end_of_the_block(
    emulator: Emulator, fusion: FusionClient, case: str, other: str
) -> None:
    fault, act = UNDER_WAY[case]
    with masquerade("acme-corp", reason=REASON, client=fusion, write=True) as session:
        emulator.faults.add(fault)
        call = Call(emulator, act, OTHERS[other](session.client))
    raised = call.end()
    assert isinstance(raised, SessionEnded), repr(raised)
    assert "the session was left" in str(raised)
    sent_until_now = len(emulator.requests)
    time.sleep(1.2 if case == "retries" else 0.1)  # longer than the first wait between two attempts
    assert len(emulator.requests) == sent_until_now, "something was sent after the end"


@pytest.mark.parametrize("case", ["a request", "retries", "a wait after 429", "a relay"])
@pytest.mark.threat("outlives-the-end")
def test_a_call_in_flight_is_interrupted_when_the_time_is_over(
    emulator: Emulator, fusion: FusionClient, case: str
) -> None:
    fault, act = UNDER_WAY[case]
    with masquerade("acme-corp", reason=REASON, client=fusion, write=True, duration=timedelta(seconds=2)) as session:
        emulator.faults.add(fault)
        call = Call(emulator, act, session.client.within(Deadline(LONG)))
        raised = call.end()
        # If a wait would be longer than the time left, the call ends at once with the response of the service.
        assert isinstance(raised, FusionError if case in GIVE_UP else SessionEnded), repr(raised)
        while session.remaining():
            time.sleep(0.05)
        emulator.requests.clear()
        with pytest.raises(SessionEnded, match="its 2 s are over"):
            act(session.client.within(Deadline(LONG)))
        assert len(emulator.requests) == 0


def test_a_slow_response_is_interrupted_when_the_time_is_over(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion, duration=timedelta(seconds=2)) as session:
        emulator.faults.add("GET /users slice=0.2 size=1")
        got = []
        with (
            pytest.raises(SessionEnded, match="its 2 s are over"),
            session.client.relay("GET", "/api/v1/users", {}, None, Deadline(LONG)) as answer,
        ):
            got += [piece for piece in answer.chunks]  # noqa: C416 - what came before the end is kept
        assert session.remaining() == 0


@pytest.mark.parametrize("kind", ["before", "after"])
def test_an_interrupted_write_is_reported_as_possibly_done(emulator: Emulator, fusion: FusionClient, kind: str) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion, write=True) as session:
        emulator.faults.add(f"POST /user hang-{kind}")
        call = Call(emulator, sent, within(session.client))
    raised = call.end()
    assert isinstance(raised, SessionEnded)
    assert "interrupted while it waited for the answer" in str(raised)
    assert "check there whether it was done" in str(raised)


def test_a_client_of_the_account_above_keeps_working(emulator: Emulator, fusion: FusionClient) -> None:
    emulator.faults.add("GET /customers slice=0.1 size=64")
    with contextlib.ExitStack() as stack:
        with masquerade("acme-corp", reason=REASON, client=fusion):
            answer = stack.enter_context(fusion.relay("GET", "/api/v1/customers", {}, None, Deadline(20)))
            first = next(answer.chunks)
        assert b"acme-corp" in first + b"".join(answer.chunks)


def test_a_deadline_of_the_client_still_applies(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        with pytest.raises(DeadlineExceeded):
            session.client.within(Deadline(0)).list_users()
        own = Deadline(LONG)
        own.cancelled.set()
        with pytest.raises(Cancelled):
            session.client.within(own).list_users()
        emulator.faults.add("GET /users hang")
        with pytest.raises(InDoubt):
            session.client.within(Deadline(1)).list_users()


def test_the_time_left_is_never_negative(fusion: FusionClient, monkeypatch: pytest.MonkeyPatch) -> None:
    later = Later()
    monkeypatch.setattr("pulumi_fusion.sessions.access.now", later)
    with masquerade("acme-corp", reason=REASON, client=fusion, duration=timedelta(seconds=60)) as session:
        assert 0 < session.remaining() <= 60
        later.by = 60.1
        assert session.remaining() == 0
    assert session.remaining() == 0
    with contextlib.suppress(ZeroDivisionError), masquerade("acme-corp", reason=REASON, client=fusion) as session:
        1 / 0  # noqa: B018 - raises
    assert session.remaining() == 0


@pytest.mark.parametrize("first", [0, 1])
def test_two_deadlines_end_with_the_first(first: int) -> None:
    pair = [Deadline(LONG), Deadline(LONG)]
    both = Both(*pair)
    assert both.remaining() > 900
    threading.Timer(0.2, pair[first].cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        both.wait(30)
    assert time.monotonic() - began < 5
    assert both.interrupted()
    pair[first] = Deadline(0)
    assert Both(*pair).remaining() == 0
    with pytest.raises(DeadlineExceeded):
        Both(*pair).check("do it")
