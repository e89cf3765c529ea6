"""What a run costs the service and the state."""

from __future__ import annotations

from fusion_emulator import Emulator
from tests.engine.stack import Stack, a_customer

HUNDRED = {f"customer-{number:03}": a_customer(f"cust-{number:03}") for number in range(100)}


def test_a_hundred_customers_need_few_requests(stack: Stack, emulator: Emulator) -> None:
    stack.declare(HUNDRED)
    stack.preview().ok()
    assert len(emulator.requests) <= 3

    emulator.requests.clear()
    stack.up().ok()
    assert len(emulator.accounts()) == 100
    assert len(emulator.requests.of("POST", "/auth/token")) == 1
    assert len(emulator.requests.of("POST", "/customer")) == 100
    assert len(emulator.requests) == 103, "a token, the list and the types, and a POST for each customer"

    for command, most in ((stack.preview, 1), (stack.up, 1), (stack.refresh, 3)):
        emulator.requests.clear()
        command("--expect-no-changes").ok()
        assert len(emulator.requests) <= most, [entry.line() for entry in emulator.requests]

    emulator.requests.clear()
    stack.declare({**HUNDRED, "customer-007": a_customer("cust-007", data_retention=45)})
    stack.up().ok()
    assert len(emulator.requests) == 5, "a token, the types, and GET, PUT, GET for the changed customer"

    # An empty dynamic resource costs about 2300 bytes with this engine.
    assert stack.checkpoint.stat().st_size / 100 < 2300 + 2048
    emulator.requests.clear()
    stack.destroy().ok()
    assert emulator.accounts() == ()
    assert len(emulator.requests) == 301, "a token, and GET, DELETE, GET for each customer"


def test_with_preflight_off_a_create_is_a_get_and_a_post(stack: Stack, emulator: Emulator) -> None:
    stack.declare({name: each for name, each in HUNDRED.items() if name < "customer-010"})
    stack.up("--config", "fusion:preflight=off").ok()
    assert len(emulator.requests) == 21, [entry.line() for entry in emulator.requests]
