"""A service that assigns the ingest address a while after it made the customer, or never."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.stack import PROGRAM, Stack
from tests.contract.plugin.test_both_faces import FACES
from tests.engine.stack import mutations

LACKING = "missing-fields=ingest_ip,ingest_port"
ADDRESS = {"ingestIp", "ingestPort"}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Stack]:
    with FACES[request.param](emulator) as stack:
        stack.preflight = "auto"
        stack.restart()
        yield stack


def test_a_create_that_shows_it_takes_no_more_requests(face: Stack, emulator: Emulator) -> None:
    assert face.up("acme", PROGRAM).ok
    assert set(face.state["acme"].outputs) >= ADDRESS
    assert emulator.requests.of("GET", "/customer/*") == []


@pytest.mark.parametrize(
    "fault",
    [
        f"POST /customer {LACKING} x1",
        f"POST /customer {LACKING} x1; GET /customer/* {LACKING} x1",
        "POST /customer missing-fields=ingest_port x1",
    ],
)
def test_the_same_up_fills_it(face: Stack, emulator: Emulator, fault: str) -> None:
    emulator.faults.add(*fault.split("; "))
    assert face.up("acme", PROGRAM).ok
    assert set(face.state["acme"].outputs) >= ADDRESS
    assert not [warning for warning in face.warnings if "ingest address" in warning]
    assert face.plan("acme", PROGRAM) == "same"


def test_the_next_up_fills_it_without_a_change_of_the_customer(face: Stack, emulator: Emulator) -> None:
    emulator.faults.add(f"* /customer* {LACKING}")
    assert face.up("acme", PROGRAM).ok
    [warning] = [warning for warning in face.warnings if "ingest address" in warning]
    assert "acmecorp: " in warning
    assert "`pulumi refresh`" in warning
    for _ in range(2):
        face.restart()
        assert face.plan("acme", PROGRAM) == "same", "a service that shows none causes no difference"
        assert face.up("acme", PROGRAM).ok
        assert face.refresh("acme").ok
        assert not ADDRESS & set(face.state["acme"].outputs)
    emulator.faults.clear()
    face.restart()
    assert face.plan("acme", PROGRAM) == "update"
    assert face.up("acme", PROGRAM).ok
    assert set(face.state["acme"].outputs) >= ADDRESS
    assert face.plan("acme", PROGRAM) == "same"
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]


@pytest.mark.parametrize("still", [None, f"GET /customers {LACKING}"])
def test_a_refresh_fills_it(face: Stack, emulator: Emulator, still: str | None) -> None:
    emulator.faults.add(f"* /customer* {LACKING}")
    assert face.up("acme", PROGRAM).ok
    emulator.faults.clear()
    emulator.faults.add(*([still] if still else []))
    face.restart()
    assert face.refresh("acme").ok
    assert set(face.state["acme"].outputs) >= ADDRESS
    assert face.plan("acme", PROGRAM) == "same"


def test_any_update_fills_it(face: Stack, emulator: Emulator) -> None:
    emulator.faults.add(f"* /customer* {LACKING}")
    assert face.up("acme", PROGRAM).ok
    emulator.faults.clear()
    face.preflight = "off"
    face.restart()
    assert face.up("acme", {**PROGRAM, "deletionProtection": True}).ok
    assert set(face.state["acme"].outputs) >= ADDRESS
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
