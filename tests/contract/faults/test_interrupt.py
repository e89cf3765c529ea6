"""An interrupt ends every wait at once, and nothing that changes the service is sent after it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from fusion_emulator import Emulator, black_hole
from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.customer.model import Inputs, State
from pulumi_fusion.errors import Cancelled, FusionError, OutcomeUnknown
from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.contract.faults.lines import writes
from tests.contract.faults.stack import PROGRAM
from tests.contract.faults.timing import set_jitter, set_read_timeout
from tests.waiting import wait_until

SOON = 15.0
"""Seconds, for a busy machine: without the interrupt each wait lasts 30 or longer."""
DEADLINE = 120.0

# operation, faults, the request after which it waits
WAITS = {
    "a token": ("create", ["POST /auth/token hang"], ("POST", "/auth/token")),
    "a token again": ("create", ["POST /auth/token 500"], ("POST", "/auth/token")),
    "the types": ("create", ["GET /customers/types hang"], ("GET", "/customers/types")),
    "the GET before the POST": ("create", ["GET /customer/* hang"], ("GET", "/customer/*")),
    "a repeat of that GET": ("create", ["GET /customer/* 503 retry-after=30"], ("GET", "/customer/*")),
    "the 429 of that GET": ("create", ["GET /customer/* 429 retry-after=30"], ("GET", "/customer/*")),
    "the POST": ("create", ["POST /customer hang-before"], ("POST", "/customer")),
    "the POST, committed": ("create", ["POST /customer hang-after"], ("POST", "/customer")),
    "the POST's 429": ("create", ["POST /customer 429 retry-after=30"], ("POST", "/customer")),
    "the GETs after a lost POST": ("create", ["POST /customer reset-before"], ("POST", "/customer")),
    "the GETs after a lost POST, committed": (
        "create",
        ["POST /customer 500-after", "GET /customer/* 500 skip=1"],
        ("POST", "/customer"),
    ),
    "an answer to a GET after a lost POST": (
        "create",
        ["POST /customer 500-after", "GET /customer/* hang skip=1"],
        ("POST", "/customer"),
    ),
    "the list": ("read", ["GET /customers hang"], ("GET", "/customers")),
    "a read": ("read", ["GET /customer* hang"], ("GET", "/customers")),
    "a second GET": ("read", ["GET /customers 403", "GET /customer/* stale=9"], ("GET", "/customer/*")),
    "the PUT": ("update", ["PUT /customer/* hang-before"], ("PUT", "/customer/*")),
    "the PUT's repeat": ("update", ["PUT /customer/* 500"], ("PUT", "/customer/*")),
    "the PUT's 429": ("update", ["PUT /customer/* 429 retry-after=30"], ("PUT", "/customer/*")),
    "the update to show": ("update", ["PUT /customer/* stale=90"], ("PUT", "/customer/*")),
    "the DELETE": ("delete", ["DELETE /customer/* hang-before"], ("DELETE", "/customer/*")),
    "the DELETE's repeat": ("delete", ["DELETE /customer/* 502"], ("DELETE", "/customer/*")),
    "the DELETE, committed": ("delete", ["DELETE /customer/* hang-after"], ("DELETE", "/customer/*")),
}


@pytest.fixture(autouse=True)
def long_waits(brief_waits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other end of what full jitter may draw, so that a wait is there to be interrupted."""
    set_jitter(monkeypatch, 1.0)
    set_read_timeout(monkeypatch, 30.0)


@pytest.mark.parametrize("wait", WAITS)
def test_an_interrupt_ends_a_wait_and_no_request_follows(emulator: Emulator, wait: str) -> None:
    operation, faults, seen = WAITS[wait]
    with running(emulator, emulator.url, operation, faults) as act:
        wait_past(lambda: emulator.requests.of(*seen))
        act.interrupt()
        sent = writes(emulator)
        took = act.end()
        assert took <= SOON
        assert writes(emulator) == sent
        if act.error is None:
            assert operation == "update"  # the PUT was accepted, so the update succeeds although it does not show
            return
        committed = any(entry.genuine == 201 for entry in emulator.requests.of("POST", "/customer"))
        if operation == "create" and committed:
            assert isinstance(act.error, OutcomeUnknown)
            assert "adopt=" in str(act.error)
        assert str(act.error).startswith(f"Could not {operation} the customer 'acmecorp': ")


@pytest.mark.parametrize("operation", ["create", "read", "update", "delete"])
def test_an_interrupt_ends_a_connection_attempt(emulator: Emulator, operation: str) -> None:
    with black_hole() as url, running(emulator, url, operation, []) as act:
        time.sleep(0.3)  # there is no request to see; it connects from its first moment on
        act.interrupt()
        assert act.end() <= SOON
        assert act.error is not None
    assert writes(emulator) == act.before


@pytest.mark.parametrize("operation", ["create", "read", "update", "delete"])
def test_no_request_is_sent_after_an_interrupt(emulator: Emulator, operation: str) -> None:
    with running(emulator, emulator.url, operation, [], interrupted=True) as act:
        assert act.end() <= SOON
        assert isinstance(act.error, Cancelled)
    assert writes(emulator) == act.before


def wait_past(condition: Callable[[], object]) -> None:
    """Wait until the condition is met and the wait that follows it has begun."""
    wait_until(condition)
    time.sleep(0.15)  # from the request to the wait for its answer, or for what follows it


class _Act:
    """An operation on a thread of its own."""

    def __init__(self, lifecycle: Lifecycle, cancelled: threading.Event, operation: str, state: State) -> None:
        self.error: FusionError | None = None
        self.before: list[str] = []
        self._cancelled = cancelled
        inputs = Inputs.model_validate({**PROGRAM, "dataRetention": 45})
        acts: dict[str, Callable[[], object]] = {
            "create": lambda: lifecycle.create(inputs),
            "read": lambda: lifecycle.read("acmecorp", state),
            "update": lambda: lifecycle.update(state, inputs),
            "delete": lambda: lifecycle.delete("acmecorp", state),
        }

        def run() -> None:
            try:
                acts[operation]()
            except FusionError as error:
                self.error = error

        self._thread = threading.Thread(target=run)

    def start(self) -> None:
        self._thread.start()

    def interrupt(self) -> None:
        assert self._thread.is_alive(), f"nothing waits: {self.error}"
        self._cancelled.set()
        self._since = time.monotonic()

    def end(self) -> float:
        """Seconds from the interrupt to the end."""
        began = getattr(self, "_since", time.monotonic())
        self._thread.join(SOON + 5)
        assert not self._thread.is_alive()
        return time.monotonic() - began


@contextlib.contextmanager
def running(
    emulator: Emulator, url: str, operation: str, faults: list[str], *, interrupted: bool = False
) -> Iterator[_Act]:
    state = State()
    if operation != "create":
        with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url, deadline=60) as maker:
            state = Lifecycle.of_run(lambda: maker).create(Inputs.model_validate(PROGRAM))
    emulator.faults.add(*faults)
    cancelled = threading.Event()
    if interrupted:
        cancelled.set()
    with FusionClient(netosecret=emulator.netosecret, api_url=url, deadline=DEADLINE) as client:
        act = _Act(
            Lifecycle.of_run(lambda: client, deadline=DEADLINE, cancelled=cancelled), cancelled, operation, state
        )
        act.before = writes(emulator)
        if faults:
            emulator.requests.clear()
        act.start()
        try:
            yield act
        finally:
            cancelled.set()
            act.end()
