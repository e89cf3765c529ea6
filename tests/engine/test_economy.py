"""What a run costs the service and the state."""

from __future__ import annotations

from pulumi_fusion.emulator import Emulator
from tests.engine.stack import Stack, a_customer, credential_parts

HUNDRED = {f"customer-{number:03}": a_customer(f"cust-{number:03}") for number in range(100)}


def test_a_hundred_customers_cost_a_handful_of_requests(stack: Stack, emulator: Emulator) -> None:
    stack.declare(HUNDRED)
    stack.preview().ok()
    assert len(emulator.requests) <= 3

    emulator.requests.clear()
    stack.up().ok()
    assert len(emulator.accounts()) == 100
    assert len(emulator.requests.of("POST", "/auth/token")) == 1
    assert len(emulator.requests.of("POST", "/customer")) == 100

    for command in (stack.up, stack.refresh):
        emulator.requests.clear()
        command("--expect-no-changes").ok()
        assert len(emulator.requests) <= 3, [entry.line() for entry in emulator.requests]

    # An empty dynamic resource costs about 2300 bytes with this engine.
    assert stack.checkpoint.stat().st_size / 100 < 2300 + 2048
    stack.destroy().ok()
    assert emulator.accounts() == ()


def test_no_file_of_the_stack_holds_a_part_of_the_credential(stack: Stack, emulator: Emulator) -> None:
    parts = credential_parts(emulator.netosecret)
    secrets = [emulator.netosecret, parts["sharedsecret"], parts["appkey"]]
    stack.declare({"acme": a_customer("acme-corp")})
    shown = stack.up("--logtostderr", "-v=9").ok().text + stack.refresh().ok().text
    files = [path.read_bytes() for path in stack.folder.rglob("*") if path.is_file()]
    assert any(b"acme-corp" in text for text in files)
    for secret in secrets:
        assert secret not in shown
        assert not any(secret.encode() in text for text in files)
