"""Generated requests: every answer of the emulator is one that the vendor's pages, or its own document, describe."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator, Switches
from tests.contract.emulator.openapi.documents import OPERATIONS, operations, stated
from tests.contract.emulator.openapi.generated import OF_CONSISTENCY, send
from tests.contract.emulator.openapi.vendor import mended
from tests.scale import NIGHTLY, scaled

SWITCHES = {
    "defaults": (),
    "others": (
        "absence=403",
        "duplicate=400",
        "put_omitted=keeps",
        "delete_parent=cascades",
        "unique_shortnames=false",
    ),
    "stale": ("absence=400", "stale_reads=2", "stale_children=2", "texts=NFKC", "retry_after=seconds"),
    "lists": ("list_scope=subtree", "list_includes_caller=true", "parents=reseller", "customer_rate=1000/1"),
}
OWN_SWITCHES = {
    "defaults": (),
    "extended": ("record=extended", "single_as=list", "types=customer=SLG,staff=Staff,mssp=MSSP", "absence=403"),
    "stale": ("record=extended", "stale_reads=2", "texts=NFD", "absence=400", "duplicate=400", "list_limit=0"),
}


def some(switches: dict[str, tuple[str, ...]], default: int) -> pytest.MarkDecorator:
    """Run a test with so many combinations of switches, and at night with all of them."""
    names = list(switches)[: scaled(default, nightly=len(switches))]
    return pytest.mark.parametrize("switches", [switches[name] for name in names], ids=names)


def missed(report: dict[str, Any]) -> set[str]:
    """Return the operations that accepted no request, except that of request tokens: no generated one is signed."""
    return {
        operation
        for operation, phases in report["valid_rates"].items()
        if not any(phase["accepted"] for phase in phases.values())
    }


def lives(emulator: Emulator) -> set[str]:
    """Return the shortnames of customers that were created, read, updated and deleted, in this order."""
    steps = [("POST", 201), ("GET", 200), ("PUT", 200), ("DELETE", 204)]
    done: Counter[str] = Counter()
    for entry in emulator.requests:
        name = entry.shortname or ""
        if done[name] < len(steps) and (entry.method, entry.status) == steps[done[name]]:
            done[name] += 1
    return {name for name, count in done.items() if count == len(steps)}


@some(SWITCHES, 1)
def test_every_answer_is_one_that_the_vendor_states(switches: tuple[str, ...], tmp_path: Path) -> None:
    with Emulator(Switches(user_rate="off").with_text(*switches)) as emulator:
        without = ("positive_data_acceptance", *(OF_CONSISTENCY if switches else ()))
        report = send(emulator, OPERATIONS, tmp_path, examples=scaled(20, nightly=1000), without=without)
        assert lives(emulator)
    assert report["operations"]["tested"] == len(operations(stated()))
    assert not missed(report)


@some(OWN_SWITCHES, 2)
def test_every_answer_is_one_that_its_own_document_describes(switches: tuple[str, ...], tmp_path: Path) -> None:
    """And what is valid by the document is accepted, unless the data forbids it."""
    with Emulator(Switches(user_rate="off").with_text(*switches)) as emulator:
        document = f"{emulator.url}/_emulator/openapi.json"
        only = ("--include-path-regex", "^/api")
        without = OF_CONSISTENCY if switches else ()
        report = send(emulator, document, tmp_path, *only, examples=scaled(20, nightly=1000), without=without)
    assert report["operations"]["tested"] == len(operations(stated()))
    assert not missed(report)


def test_every_answer_of_a_control_route_is_one_that_the_document_describes(tmp_path: Path) -> None:
    with Emulator() as emulator:
        document = f"{emulator.url}/_emulator/openapi.json"
        only = ("--include-path-regex", "^/_emulator")
        report = send(emulator, document, tmp_path, *only, examples=scaled(20, nightly=1000), without=OF_CONSISTENCY)
    assert report["operations"]["tested"] >= 12


@pytest.mark.skipif(not NIGHTLY, reason="the vendor's document isn't part of this repository")
@some(SWITCHES, 1)
def test_every_answer_is_one_that_the_vendor_documents(switches: tuple[str, ...], tmp_path: Path) -> None:
    document = tmp_path / "vendor.json"
    document.write_text(json.dumps(mended()))
    with Emulator(Switches(user_rate="off").with_text(*switches)) as emulator:
        without = ("positive_data_acceptance", *(OF_CONSISTENCY if switches else ()))
        report = send(emulator, document, tmp_path, examples=1000, without=without)
    assert report["operations"]["tested"] == len(operations(stated()))
    assert not missed(report)
