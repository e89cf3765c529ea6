"""The limit on the deletions of a run, with both frontends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from pulumi import dynamic
from pulumi.dynamic.config import Config

from fusion_emulator import Emulator
from tests.contract.faults.outcome import Outcome
from tests.contract.faults.provider import Provider, as_sent
from tests.contract.faults.stack import PROGRAM, Stack
from tests.engine.stack import mutations

NAMES = ("first-co", "second-co", "third-co", "fourth-co")

Restart = Callable[[str], None]


@pytest.fixture(autouse=True)
def with_customers(frontend: Stack) -> None:
    for name in NAMES:
        assert frontend.up(name, {**PROGRAM, "shortname": name}).ok


@pytest.fixture
def restart(frontend: Stack, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Restart:
    """Start another run, with this limit in the environment."""

    def start(limit: str) -> None:
        monkeypatch.setenv("FUSION_MAX_DELETES", limit)
        frontend.restart()
        emulator.requests.clear()

    return start


def destroy_at_once(frontend: Stack) -> list[Outcome]:
    """`pulumi destroy`: the engine deletes what doesn't depend on anything else at the same time."""
    start = threading.Barrier(len(NAMES))

    def destroy(name: str) -> Outcome:
        start.wait(60)
        return frontend.destroy(name)

    with ThreadPoolExecutor(len(NAMES)) as pool:
        return list(pool.map(destroy, NAMES))


def test_a_run_deletes_no_more_than_it_may(frontend: Stack, emulator: Emulator, restart: Restart) -> None:
    restart("2")
    outcomes = destroy_at_once(frontend)
    refused = {name: each.text for name, each in zip(NAMES, outcomes, strict=True) if not each.ok}
    assert len(refused) == 2
    for name, text in refused.items():
        assert f"Could not delete the customer '{name}': environment variable FUSION_MAX_DELETES allows 2" in text
        assert "this run has already deleted 2." in text
        assert not any(name in entry.path for entry in emulator.requests), "something was sent for it"
    assert len(mutations(emulator.requests)) == 2
    frontend.require_in_step()

    # The limit is that of one run.
    restart("2")
    assert all(frontend.destroy(name).ok for name in refused)
    assert frontend.created() == []


def test_zero_allows_no_deletion(frontend: Stack, emulator: Emulator, restart: Restart) -> None:
    restart("0")
    assert not any(each.ok for each in destroy_at_once(frontend))
    assert len(emulator.requests) == 0
    frontend.require_in_step()


def test_a_replacement_counts(frontend: Stack, restart: Restart) -> None:
    restart("1")
    assert frontend.up("first-co", {**PROGRAM, "shortname": "other-co"}).ok
    assert "FUSION_MAX_DELETES allows 1 deletion" in frontend.up("second-co", {**PROGRAM, "shortname": "next-co"}).text
    # The new customer exists, and the next run deletes the old one.
    restart("1")
    assert frontend.up("second-co", {**PROGRAM, "shortname": "next-co"}).ok
    assert sorted(each.shortname for each in frontend.created()) == ["fourth-co", "next-co", "other-co", "third-co"]


def test_customers_that_are_gone_or_refused_do_not_count(frontend: Stack, emulator: Emulator, restart: Restart) -> None:
    emulator.seed("below-corp", parent="second-co")
    emulator.remove("first-co")
    restart("1")
    assert frontend.destroy("first-co").ok
    assert "it has 1 sub-account" in frontend.destroy("second-co").text
    emulator.faults.add("DELETE /customer/third-co 403 x1")
    assert "the service answered 403" in frontend.destroy("third-co").text
    assert frontend.destroy("fourth-co").ok
    assert "has already deleted 1." in frontend.destroy("third-co").text


def test_an_unknown_outcome_counts(frontend: Stack, emulator: Emulator, restart: Restart) -> None:
    restart("1")
    emulator.faults.add("DELETE /customer/first-co 503")
    emulator.faults.add("GET /customer/first-co 403 skip=1")
    assert frontend.destroy("first-co").unknown
    assert "has already deleted 0, and may have deleted 1 more." in frontend.destroy("second-co").text


def test_an_invalid_limit_is_an_error_before_any_request(frontend: Stack, emulator: Emulator, restart: Restart) -> None:
    restart("-1")
    text = frontend.destroy("first-co").text
    assert "max_deletes (environment variable FUSION_MAX_DELETES) must be a whole number, 0 or more" in text
    failures = frontend.up("first-co", {**PROGRAM, "shortname": "first-co"}).failures
    assert "must be a whole number, 0 or more" in failures[0][1]
    assert len(emulator.requests) == 0


def test_all_instances_of_the_dynamic_provider_in_a_process_count_together(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade of Python the state may have two pickles of the provider, and each is loaded."""
    monkeypatch.setenv("FUSION_MAX_DELETES", "1")
    with Stack(emulator) as stack:
        config = Config({"fusion:netosecret": emulator.netosecret, "fusion:apiUrl": emulator.url}, "rehearsal")
        for name in ("fifth-co", "sixth-co"):
            assert stack.up(name, {**PROGRAM, "shortname": name}).ok
        assert stack.destroy("fifth-co").ok
        other = Provider(stack.warnings.append, lambda: None)
        other.configure(dynamic.ConfigureRequest(config=config))
        with pytest.raises(Exception, match="has already deleted 1"):
            other.delete("sixth-co", as_sent(stack.state["sixth-co"].outputs))
