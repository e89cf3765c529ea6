"""Many creates and deletes in a row: a young list stands for the looks, and faults lose, double and harm as little."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from fusion_emulator import Emulator, Switches
from pulumi_fusion.api import retries
from pulumi_fusion.customer import directory, listing
from tests.contract.faults.stack import PROGRAM, Outcome, Stack

ROW = [f"tenant-{number:02}" for number in range(32)]

# The service acts and nobody is told: F5, F6, F7, F15, F16, F17, and answers that tell nothing (F25).
ACTED = ["reset-after", "hang-after=1.5", "cut-body", "500-after", "502-after", "504-after", "empty", "not-json"]
# It does not act, and that is not told either.
DID_NOT_ACT = ["reset", "500", "html-502", "hang=1.5"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A service that takes its time, and would take a second customer of the same name, so that a double shows."""
    with Emulator(Switches(unique_shortnames=False)) as running:
        running.seed("neighbour", organization="Acme, Inc.", trial=True)
        running.seed("bystander")
        running.faults.add("* * delay=0.02")
        yield running


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list stays young for the whole row, however busy the machine is."""
    monkeypatch.setattr(directory, "YOUNG_SECONDS", 20.0)
    monkeypatch.setattr(directory, "WITNESS_SECONDS", 20.0)
    monkeypatch.setattr(listing, "WITNESS_SECONDS", 20.0)


@pytest.fixture
def lasting_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """No request waits so long for its turn on a busy machine that another GET comes before it."""
    monkeypatch.setattr(retries, "_PROVED", 20.0)


def four_at_a_time(acts: Iterable[Callable[[], Outcome]]) -> list[Outcome]:
    """As the dynamic provider's server runs them, and in order."""
    with ThreadPoolExecutor(4) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def ups(stack: Stack, names: Iterable[str] = ROW) -> list[Callable[[], Outcome]]:
    return [partial(stack.up, name, {**PROGRAM, "shortname": name}) for name in names]


def looks(emulator: Emulator) -> int:
    return len(emulator.requests.of("GET", "/customer/*"))


@pytest.mark.usefixtures("lasting_proof")
@pytest.mark.parametrize("fault", [None, *ACTED, *DID_NOT_ACT])
def test_a_row_of_creates(emulator: Emulator, fault: str | None) -> None:
    with Stack(emulator, deadline=20) as stack:
        if fault:
            emulator.faults.add(f"POST /customer {fault} skip=20 x3")
        outcomes = four_at_a_time(ups(stack))
        assert [outcome.text for outcome in outcomes if not outcome.ok] == []
        stack.require_in_step()
        stack.require_unharmed()
        assert [stack.posts(name) for name in ROW] == [1] * len(ROW)
        if fault not in DID_NOT_ACT:
            assert looks(emulator) < len(ROW) / 2 + 6  # those before the first list, and what three faults need
            assert len(emulator.requests.of("GET", "/customers")) <= 8


@pytest.mark.usefixtures("lasting_proof")
@pytest.mark.parametrize("fault", [None, *ACTED, *DID_NOT_ACT])
def test_a_row_of_deletes(emulator: Emulator, fault: str | None) -> None:
    with Stack(emulator, deadline=20) as stack:
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
            # One after each deletion; and one before each only until a list can vouch for itself.
            assert looks(emulator) < 1.75 * len(ROW)


@pytest.mark.parametrize(
    "switched",
    [
        {"list_scope": "subtree"},
        {"list_includes_caller": True},
        {"list_limit": 10},
        {"absence": 404, "record": "extended"},
        {"duplicate": 400, "unique_shortnames": True},
    ],
    ids=str,
)
def test_a_row_of_creates_whatever_the_list_is_like(emulator: Emulator, switched: dict[str, object]) -> None:
    emulator.switch(**switched)
    with Stack(emulator, deadline=20) as stack:
        outcomes = four_at_a_time(ups(stack))
        assert [outcome.text for outcome in outcomes if not outcome.ok] == []
        stack.require_in_step()
        stack.require_unharmed()
        assert [stack.posts(name) for name in ROW] == [1] * len(ROW)


@pytest.mark.usefixtures("lasting_proof")
def test_a_list_that_lags_is_found_out(emulator: Emulator) -> None:
    """The next reads after a write, the list among them, see what was before it."""
    emulator.switch(stale_reads=2)
    with Stack(emulator, deadline=20) as stack:
        outcomes = four_at_a_time(ups(stack))
        assert [outcome.text for outcome in outcomes if not outcome.ok] == []
        stack.require_in_step()
        stack.require_unharmed()
        assert [stack.posts(name) for name in ROW] == [1] * len(ROW)
        assert len(emulator.requests.of("GET", "/customers")) == 1
        assert looks(emulator) == len(ROW)


def test_names_that_a_list_of_direct_children_lacks_are_looked_for(emulator: Emulator) -> None:
    """The service would make a second one, and a list would not show the first."""
    emulator.seed("grandchild", parent="bystander")
    with Stack(emulator, deadline=20) as stack:
        outcomes = four_at_a_time(ups(stack, [*ROW, "grandchild"]))
        assert all(outcome.ok for outcome in outcomes[:-1])
        assert "exists already" in outcomes[-1].text
        stack.require_unharmed()
        assert stack.posts("grandchild") == 0


def test_a_name_that_somebody_takes_meanwhile_is_told(emulator: Emulator) -> None:
    """Between a list and the POST another one may come, as between a look and the POST: the service then decides."""
    emulator.switch(unique_shortnames=True)
    with Stack(emulator, deadline=20) as stack:
        assert all(outcome.ok for outcome in four_at_a_time(ups(stack, ROW[:-1])))
        emulator.seed(ROW[-1], organization="Somebody Else")
        (outcome,) = four_at_a_time(ups(stack, ROW[-1:]))
        assert "exists already" in outcome.text
        stack.require_unharmed()


def test_names_that_somebody_takes_while_a_limit_holds_the_row_back(emulator: Emulator) -> None:
    """What a list proved is too old when the wait ends, and the service would make a second one."""
    *first, limited = ROW[:24]
    held = ROW[24:]
    with Stack(emulator, deadline=20) as stack:
        assert all(outcome.ok for outcome in four_at_a_time(ups(stack, first)))
        emulator.faults.add("POST /customer 429 retry-after=2 x1")
        with ThreadPoolExecutor(len(held) + 1) as pool:
            waits = pool.submit(*ups(stack, [limited]))
            until(lambda: any(pace._until > time.monotonic() for pace in retries._paces.values()))
            outcomes = [pool.submit(act) for act in ups(stack, held)]
            for name in held:
                emulator.seed(name, organization="Somebody Else")
            assert waits.result().ok
            assert [told for outcome in outcomes if "exists already" not in (told := outcome.result().text)] == []
        stack.require_unharmed()
        assert [stack.posts(name) for name in held] == [0] * len(held)
        # Without the wait the list would have stood for these.
        assert {len(emulator.requests.of("GET", f"/customer/{name}")) for name in held} == {1}
