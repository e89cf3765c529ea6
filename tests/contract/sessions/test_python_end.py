"""The end of a session in Python, by any cause, and what remains."""

from __future__ import annotations

import contextvars
import gc
import time
import types
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, Session, masquerade
from pulumi_fusion.errors import (
    FusionError,
    SessionEnded,
    Unauthorized,
)
from pulumi_fusion.sessions import access
from pulumi_fusion.sessions.clock import now
from tests.contract.sessions.records import REASON, audit


def kept(session: Session) -> list[Callable[[], object]]:
    client = session.client
    return [
        lambda: session.get("/api/v1/users"),
        lambda: session.client.list_users(),
        client.list_customers,
        lambda: client.within(access.Term(60, "acme-corp")).list_users(),
    ]


def test_after_the_block_every_call_raises(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion, write=True) as session:
        calls = kept(session)
    emulator.requests.clear()
    for call in calls:
        with pytest.raises(SessionEnded, match="the session was left"):
            call()
    assert len(emulator.requests) == 0


def test_after_an_exception_every_call_raises(fusion: FusionClient, tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        masquerade("acme-corp", reason=REASON, client=fusion) as session,
    ):
        calls = kept(session)
        1 / 0  # noqa: B018 - raises
    for call in calls:
        with pytest.raises(SessionEnded):
            call()
    assert audit(tmp_path)[1]["ended"] == "left by ZeroDivisionError"


def test_after_its_time_every_call_raises(
    fusion: FusionClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = now()
    monkeypatch.setattr(access, "now", lambda: clock)
    with masquerade("acme-corp", reason=REASON, client=fusion, duration=timedelta(minutes=5)) as session:
        session.get("/api/v1/users")
        clock += 299
        session.get("/api/v1/users")
        clock += 1
        for call in kept(session):
            with pytest.raises(SessionEnded, match="its 5 min are over"):
                call()
    assert audit(tmp_path)[1]["ended"] == "time over"


def test_a_call_in_flight_ends_with_the_session(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion, duration=timedelta(seconds=1)) as session:
        emulator.faults.add("GET /users hang")
        began = time.monotonic()
        with pytest.raises(FusionError):
            session.get("/api/v1/users")
        assert time.monotonic() - began < 8  # the client itself would wait 10 s for the answer


def test_a_session_ends_with_its_token(emulator: Emulator, fusion: FusionClient) -> None:
    emulator.switch(token_lifetime=120)
    with masquerade("acme-corp", reason=REASON, client=fusion, duration=timedelta(minutes=60)) as session:
        assert session.remaining() < 120


def test_a_token_that_ends_early_is_not_renewed(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        emulator.faults.add("GET /users revoked x1")
        with pytest.raises(Unauthorized, match="no longer accepts the session's token"):
            session.get("/api/v1/users")


def strings() -> set[str]:
    """Yield every text that is reachable from an object of this process."""
    found: set[str] = set()
    for thing in gc.get_objects():
        if isinstance(thing, (types.FrameType, types.ModuleType)):
            continue
        held = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple, set)) else ()
        found.update(each for each in [*held] if isinstance(each, str))
        for kind in type(thing).__mro__:
            for slot in (each for each in vars(kind).values() if isinstance(each, types.MemberDescriptorType)):
                value = getattr(thing, slot.__name__, None)
                if isinstance(value, str):
                    found.add(value)
    return found


def test_after_the_session_no_object_has_the_token(emulator: Emulator, fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion) as session:
        session.get("/api/v1/users")
        token = session._open().token(session._open().term).reveal()
        assert any(token in each for each in strings())
    token, kept = token[:-1], token[-1]
    gc.collect()
    holders = [each for each in strings() if token + kept in each]
    assert holders == []


def test_a_generator_that_is_closed_in_another_context_ends_its_session(fusion: FusionClient, tmp_path: Path) -> None:
    def asking() -> Generator[Session, None, None]:
        with masquerade("acme-corp", reason=REASON, client=fusion) as session:
            yield session

    begun = asking()
    session = contextvars.copy_context().run(next, begun)
    contextvars.copy_context().run(begun.close)
    assert [record["event"] for record in audit(tmp_path)] == ["start", "end"]
    with pytest.raises(SessionEnded):
        session.get("/api/v1/users")


def test_a_task_that_outlives_the_block_may_open_another_session(fusion: FusionClient) -> None:
    with masquerade("acme-corp", reason=REASON, client=fusion):
        context = contextvars.copy_context()

    def later() -> str:
        with masquerade("other-corp", reason=REASON, client=fusion) as session:
            return session.customer

    assert context.run(later) == "other-corp"


def test_a_skipped_session_is_over_after_its_block(
    emulator: Emulator, fusion: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulumi_fusion.sessions.session._is_preview", lambda customer: True)
    emulator.requests.clear()
    went_on: list[float] = []
    with masquerade("acme-corp", reason=REASON, client=fusion, skip_in_preview=True) as session:
        went_on = [session.remaining()]
    assert went_on == []
    assert session.remaining() == 0
    with pytest.raises(SessionEnded, match="a preview skipped it"):
        session.get("/api/v1/users")
    assert len(emulator.requests) == 0


def test_an_interrupt_while_the_endpoint_ends_leaves_an_end_in_the_audit(
    fusion: FusionClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), masquerade("acme-corp", reason=REASON, client=fusion):
        monkeypatch.setattr("pulumi_fusion.sessions.subprocesses.Subprocesses.close", interrupted)
    assert [each["event"] for each in audit(tmp_path)] == ["start", "end"]
