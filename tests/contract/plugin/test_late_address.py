"""A service that assigns the ingest address some time after the create, or never."""

from __future__ import annotations

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.stack import PROGRAM, Stack
from tests.engine.stack import mutations

LACKING = "missing-fields=ingest_ip,ingest_port"
ADDRESS = {"ingestIp", "ingestPort"}


@pytest.fixture(autouse=True)
def with_preflight(frontend: Stack) -> None:
    frontend.preflight = "auto"
    frontend.restart()


def test_a_create_that_returns_the_address_needs_no_get(frontend: Stack, emulator: Emulator) -> None:
    assert frontend.up("acme", PROGRAM).ok
    assert set(frontend.state["acme"].outputs) >= ADDRESS
    assert emulator.requests.of("GET", "/customer/*") == []


@pytest.mark.parametrize(
    "fault",
    [
        f"POST /customer {LACKING} x1",
        f"POST /customer {LACKING} x1; GET /customer/* {LACKING} x1",
        "POST /customer missing-fields=ingest_port x1",
    ],
)
def test_the_same_up_reads_a_missing_address(frontend: Stack, emulator: Emulator, fault: str) -> None:
    emulator.faults.add(*fault.split("; "))
    assert frontend.up("acme", PROGRAM).ok
    assert set(frontend.state["acme"].outputs) >= ADDRESS
    assert not [warning for warning in frontend.warnings if "ingest address" in warning]
    assert frontend.plan("acme", PROGRAM) == "same"


def test_the_next_up_reads_a_missing_address_and_sends_no_mutation(frontend: Stack, emulator: Emulator) -> None:
    emulator.faults.add(f"* /customer* {LACKING}")
    assert frontend.up("acme", PROGRAM).ok
    [warning] = [warning for warning in frontend.warnings if "ingest address" in warning]
    assert "acmecorp: " in warning
    assert "`pulumi refresh`" in warning
    for _ in range(2):
        frontend.restart()
        assert frontend.plan("acme", PROGRAM) == "same", "a service that shows none causes no difference"
        assert frontend.up("acme", PROGRAM).ok
        assert frontend.refresh("acme").ok
        assert not ADDRESS & set(frontend.state["acme"].outputs)
    emulator.faults.clear()
    frontend.restart()
    assert frontend.plan("acme", PROGRAM) == "update"
    assert frontend.up("acme", PROGRAM).ok
    assert set(frontend.state["acme"].outputs) >= ADDRESS
    assert frontend.plan("acme", PROGRAM) == "same"
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]


@pytest.mark.parametrize("still", [None, f"GET /customers {LACKING}"])
def test_a_refresh_reads_a_missing_address(frontend: Stack, emulator: Emulator, still: str | None) -> None:
    emulator.faults.add(f"* /customer* {LACKING}")
    assert frontend.up("acme", PROGRAM).ok
    emulator.faults.clear()
    emulator.faults.add(*([still] if still else []))
    frontend.restart()
    assert frontend.refresh("acme").ok
    assert set(frontend.state["acme"].outputs) >= ADDRESS
    assert frontend.plan("acme", PROGRAM) == "same"


def test_an_update_that_sends_nothing_reads_a_missing_address(frontend: Stack, emulator: Emulator) -> None:
    emulator.faults.add(f"* /customer* {LACKING}")
    assert frontend.up("acme", PROGRAM).ok
    emulator.faults.clear()
    frontend.preflight = "off"
    frontend.restart()
    assert frontend.up("acme", {**PROGRAM, "deletionProtection": True}).ok
    assert set(frontend.state["acme"].outputs) >= ADDRESS
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
