"""The CLI or the provider dies while a create is under way. What a user does then, in the words of the errors
themselves, ends with the service and the state in step, and no create was accepted twice.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.running import Running
from tests.engine.stack import Stack, a_customer, has_project_traceback, has_traceback


def interrupt(running: Running) -> None:
    running.signal(signal.SIGINT)


def interrupt_twice(running: Running) -> None:
    running.signal(signal.SIGINT)
    running.until(lambda: "press ^C again" in running.text())
    running.signal(signal.SIGINT)


def terminate(running: Running) -> None:
    running.signal(signal.SIGTERM)


def kill_the_engine(running: Running) -> None:
    running.signal(signal.SIGKILL)


def kill_the_provider(running: Running) -> None:
    for pid in running.descendants("pulumi.dynamic"):
        os.kill(pid, signal.SIGKILL)


MOMENTS = {
    "before the commit": ["POST /customer hang-before=30 x1"],
    "after the commit": ["POST /customer hang-after=30 x1"],
    # The answer has come, and the provider still looks for the id that it lacks.
    "before the state is written": ["POST /customer missing-fields=id x2", "GET /customer/acme-corp hang=30 x1"],
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("death", [interrupt, interrupt_twice, terminate, kill_the_engine, kill_the_provider])
def test_a_process_that_is_killed_during_a_create_loses_no_customer(
    stack: Stack, emulator: Emulator, death: Callable[[Running], None], moment: str
) -> None:
    stack.environ["FUSION_DEADLINE"] = "12"
    customer = a_customer("acme-corp")
    stack.declare({"acme": customer, "other": a_customer("other-corp")})
    emulator.faults.add(*MOMENTS[moment])

    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: not any("hang" in fault.text for fault in emulator.faults))  # a request has met it
        death(running)
        printed = running.end()
    assert not has_project_traceback(printed), printed
    assert death is kill_the_provider or "Traceback" not in printed, printed

    stack.environ["FUSION_DEADLINE"] = "60"
    recover(stack, customer)

    assert sorted(account.shortname for account in emulator.accounts()) == ["acme-corp", "other-corp"]
    accepted = [entry.shortname for entry in emulator.requests.of("POST", "/customer") if entry.genuine == 201]
    assert sorted(str(name) for name in accepted) == ["acme-corp", "other-corp"]
    ids = {each["id"]: each["outputs"]["customerId"] for each in stack.state().values()}
    assert ids == {account.shortname: account.id for account in emulator.accounts()}
    assert stack.pending() == []
    stack.require_no_changes()


def test_a_state_that_cannot_be_read_is_restored(stack: Stack, emulator: Emulator) -> None:
    """The CLI was killed while it wrote, or the disk was full or lost its power."""
    customer = a_customer("acme-corp")
    stack.declare({"acme": customer})
    stack.up().ok()
    older = stack.checkpoint.read_bytes()
    repair_after_damage(stack, stack.checkpoint)
    stack.environ["PULUMI_DIY_BACKEND_GZIP"] = "true"
    stack.declare({"acme": customer, "other": a_customer("other-corp")})
    stack.up().ok()
    compressed = stack.checkpoint.with_name(f"{stack.checkpoint.name}.gz")
    repair_after_damage(stack, compressed)

    # The copy lacks a customer, which is refused with its id, and neither created twice nor lost.
    compressed.write_bytes(b"")
    compressed.with_name(f"{compressed.name}.bak").write_bytes(gzip.compress(older))
    recover(stack, customer)

    assert sorted(account.shortname for account in emulator.accounts()) == ["acme-corp", "other-corp"]
    assert len(emulator.requests.of("POST", "/customer")) == 2
    assert ids_in_state(stack) == {account.shortname: account.id for account in emulator.accounts()}
    stack.require_no_changes()


def ids_in_state(stack: Stack) -> dict[str, str]:
    """The ids of the customers by shortname, from the state as the CLI reads it."""
    exported = json.loads(stack.pulumi("stack", "export").ok().stdout)
    customers = (each for each in exported["deployment"]["resources"] if stack.kind in each["urn"])
    return {each["id"]: each["outputs"]["customerId"] for each in customers}


def repair_after_damage(stack: Stack, state: Path) -> None:
    """Nothing can be done while the state or its attributes are empty or cut, and everything after the repair."""
    attributes = state.with_name(f"{state.name}.attrs")
    known = ids_in_state(stack).keys()
    whole = state.read_bytes()
    for file, length in [(attributes, 0), (attributes, 100), (state, 0), (state, 500)]:
        content = whole if file == state else b'{"user.cache_control":"' + b" " * 100
        file.write_bytes(content[:length])
        assert "failed to load checkpoint" in stack.pulumi("stack", "export").failed().text
        assert file.name in stack.restored()
        assert ids_in_state(stack).keys() == known
        assert file != attributes or state.read_bytes() == whole
    state.write_bytes(whole)


def test_a_state_that_cannot_be_written_after_the_create(stack: Stack, emulator: Emulator) -> None:
    customer = a_customer("acme-corp")
    stack.declare({"acme": customer})
    emulator.faults.add("POST /customer delay=4 x1")
    stacks = stack.checkpoint.parent
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: not emulator.faults)
        # A file where the folder of states was: as root, no permission would keep the engine from writing.
        stacks.rename(stacks.with_name("away"))
        stacks.touch()
        running.end()
    stacks.unlink()
    stacks.with_name("away").rename(stacks)

    recover(stack, customer)

    assert [account.shortname for account in emulator.accounts()] == ["acme-corp"]
    assert stack.state()["acme"]["outputs"]["customerId"] == emulator.accounts()[0].id
    assert len(emulator.requests.of("POST", "/customer")) == 1
    stack.require_no_changes()


def test_a_second_up_of_the_same_stack_fails_while_the_first_runs(stack: Stack, emulator: Emulator) -> None:
    stack.declare({"acme": a_customer("acme-corp")})
    emulator.faults.add("POST /customer hang-after x1")
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: not emulator.faults)
        assert "locked" in stack.up().failed().text
        emulator.stop()  # breaks the connection that hangs
        emulator.start()
        running.end()

    assert stack.state()["acme"]["outputs"]["customerId"] == emulator.accounts()[0].id
    assert len(emulator.requests.of("POST", "/customer")) == 1
    stack.require_no_changes()


def recover(stack: Stack, customer: dict[str, object]) -> None:
    """Do what the messages and the README say.

    Run it again, repair a state that cannot be read, remove the lock and the pending creates of a dead CLI, adopt by
    the id that is named.
    """
    other = {"other": a_customer("other-corp")} if "other" in (stack.folder / "customers.json").read_text() else {}
    for _ in range(5):
        ran = stack.up()
        if "pending operations" in ran.text:
            stack.refresh("--clear-pending-creates").ok()
        if ran.code == 0:
            return
        assert not has_traceback(ran.text), ran.text
        if "failed to load checkpoint" in ran.text:
            assert stack.restored(), ran.text
        if "pulumi cancel" in ran.text:
            stack.pulumi("cancel", "--yes").ok()
        adopted = dict(re.findall(r"'([\w-]+)' (?:is taken|exists).*?adopt='(\w+)'", ran.text, re.DOTALL))
        adopted |= dict(re.findall(r"create the customer '([\w-]+)'.*?adopt='(\w+)'", ran.text, re.DOTALL))
        declared = {"acme": customer, **other}
        for fields in declared.values():
            if fields["shortname"] in adopted:
                fields["adopt"] = adopted[str(fields["shortname"])]
        stack.declare(declared)
    raise AssertionError(f"not recovered: {ran.text}")


def test_an_interrupted_wait_ends_soon(stack: Stack, emulator: Emulator) -> None:
    """The SDK does not pass an interrupt to a dynamic provider, so the deadline bounds the wait."""
    stack.environ |= {"FUSION_DEADLINE": "8", "FUSION_PREFLIGHT": "off"}  # so that a GET precedes the create
    stack.declare({"acme": a_customer("acme-corp")})
    emulator.faults.add("GET /customer/* hang-before=60")
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: bool(emulator.requests.of("GET", "/customer/*")))
        began = time.monotonic()
        running.signal(signal.SIGINT)
        running.end()
        assert time.monotonic() - began < 30  # the answer comes after 60 s
    assert not emulator.requests.of("POST", "/customer")
