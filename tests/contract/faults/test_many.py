"""Many creates and deletes of one run: the preflight's list saves a GET for each create, and faults harm nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from fusion_emulator import Emulator, Switches
from tests.contract.faults.outcome import Outcome
from tests.contract.faults.stack import PROGRAM, Stack
from tests.waiting import wait_until

ROW = [f"tenant-{number:02}" for number in range(32)]

# The service acts and its answer is lost: F5, F6, F7, F15, F16, F17, and answers that say nothing (F25).
ACTED = ["reset-after", "hang-after=1.5", "cut-body", "500-after", "502-after", "504-after", "empty", "not-json"]
# The service does not act, and the answer does not say so.
DID_NOT_ACT = ["reset", "500", "html-502", "hang=1.5"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A service that would accept a second customer of the same name, so that a double shows."""
    with Emulator(Switches(unique_shortnames=False)) as running:
        running.seed("neighbour", organization="Acme, Inc.", trial=True)
        running.seed("bystander")
        running.faults.add("* * delay=0.02")
        yield running


@pytest.fixture
def stack(emulator: Emulator) -> Iterator[Stack]:
    with Stack(emulator, deadline=20, preflight="auto") as stack:
        yield stack


def four_at_a_time(acts: Iterable[Callable[[], Outcome]]) -> list[Outcome]:
    """Run them as the server of the dynamic provider does, and return the outcomes in order."""
    with ThreadPoolExecutor(4) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


def ups(stack: Stack, names: Iterable[str] = ROW) -> list[Callable[[], Outcome]]:
    return [partial(stack.up, name, {**PROGRAM, "shortname": name}) for name in names]


def gets(emulator: Emulator) -> int:
    return len(emulator.requests.of("GET", "/customer/*"))


@pytest.mark.parametrize("fault", [None, *ACTED, *DID_NOT_ACT])
def test_many_creates_lose_and_double_nothing(emulator: Emulator, stack: Stack, fault: str | None) -> None:
    if fault:
        emulator.faults.add(f"POST /customer {fault} skip=20 x3")
    outcomes = four_at_a_time(ups(stack))
    assert [outcome.text for outcome in outcomes if not outcome.ok] == []
    stack.require_in_step()
    stack.require_unharmed()
    assert [stack.posts(name) for name in ROW] == [1] * len(ROW)
    assert len(emulator.requests.of("GET", "/customers")) <= (1 if fault not in DID_NOT_ACT else 4)
    if fault is None:
        assert gets(emulator) == 0


@pytest.mark.parametrize("fault", [None, *ACTED, *DID_NOT_ACT])
def test_many_deletes_lose_nothing(emulator: Emulator, stack: Stack, fault: str | None) -> None:
    assert all(outcome.ok for outcome in four_at_a_time(ups(stack)))
    stack.restart()
    emulator.requests.clear()
    if fault:
        emulator.faults.add(f"DELETE /customer/* {fault} skip=20 x3")
    outcomes = four_at_a_time(partial(stack.destroy, name) for name in ROW)
    assert [outcome.text for outcome in outcomes if not outcome.ok] == []
    stack.require_in_step()
    stack.require_unharmed()
    if fault is None:
        assert gets(emulator) == 2 * len(ROW)


@pytest.mark.parametrize(
    "switched",
    [
        {"list_scope": "subtree"},
        {"list_includes_caller": True},
        {"list_limit": 10},
        {"absence": 404, "record": "extended"},
        {"duplicate": 400, "unique_shortnames": True},
        {"stale_reads": 2},
    ],
    ids=str,
)
def test_many_creates_succeed_whatever_the_list_contains(
    emulator: Emulator, stack: Stack, switched: dict[str, object]
) -> None:
    emulator.switch(**switched)
    outcomes = four_at_a_time(ups(stack))
    assert [outcome.text for outcome in outcomes if not outcome.ok] == []
    stack.require_in_step()
    stack.require_unharmed()
    assert [stack.posts(name) for name in ROW] == [1] * len(ROW)


def test_a_shortname_that_a_list_of_direct_children_lacks_is_read_by_a_get(emulator: Emulator, stack: Stack) -> None:
    """The service would create a second one, and the list does not show the first."""
    emulator.seed("grandchild", parent="bystander")
    outcomes = four_at_a_time(ups(stack, [*ROW, "grandchild"]))
    assert all(outcome.ok for outcome in outcomes[:-1])
    assert "exists already" in outcomes[-1].text
    stack.require_unharmed()
    assert stack.posts("grandchild") == 0


def test_a_name_that_is_taken_after_the_list_is_reported(emulator: Emulator, stack: Stack) -> None:
    """As between a GET and the POST, the service decides."""
    emulator.switch(unique_shortnames=True)
    assert all(outcome.ok for outcome in four_at_a_time(ups(stack, ROW[:-1])))
    emulator.seed(ROW[-1], organization="Another Inc.")
    (outcome,) = four_at_a_time(ups(stack, ROW[-1:]))
    assert "exists already" in outcome.text
    stack.require_unharmed()


def test_names_that_are_taken_while_a_rate_limit_delays_the_creates(emulator: Emulator, stack: Stack) -> None:
    """The list is too old when the wait ends, and the service would create a second customer."""
    delayed = ROW[:6]
    # As many as there are creates: none is accepted before all of them have waited.
    emulator.faults.add(f"POST /customer 429 retry-after=2 x{len(delayed)}")
    with ThreadPoolExecutor(len(delayed)) as pool:
        outcomes = [pool.submit(act) for act in ups(stack, delayed)]
        wait_until(lambda: emulator.requests.of("POST", "/customer"))
        for name in delayed:
            emulator.seed(name, organization="Another Inc.")
        assert [text for outcome in outcomes if "exists already" not in (text := outcome.result().text)] == []
    stack.require_unharmed()
    assert len(emulator.accounts()) == 2 + len(delayed)
