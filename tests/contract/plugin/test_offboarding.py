"""A reseller is deleted right after its customers, while the service still counts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from tests.contract.faults.stack import PROGRAM, Stack
from tests.contract.plugin.test_both_faces import FACES
from tests.engine.stack import mutations

RESELLER = {**PROGRAM, "type": "MSSP"}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Stack]:
    with FACES[request.param](emulator) as stack:
        assert stack.up("acme", RESELLER).ok
        yield stack


def delete_inside(emulator: Emulator, *shortnames: str) -> None:
    """Delete customers of the reseller by the API, as another provider does."""
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url, account="acmecorp") as inside:
        for shortname in shortnames:
            inside.delete_customer(shortname)
    emulator.requests.clear()


@pytest.mark.parametrize("scope", ["direct", "subtree"])
def test_a_count_that_lags_is_waited_for(face: Stack, emulator: Emulator, scope: Any) -> None:
    emulator.switch(stale_children=3, list_scope=scope)
    for shortname in ("one-corp", "two-corp"):
        emulator.seed(shortname, parent="acmecorp")
    delete_inside(emulator, "one-corp", "two-corp")
    assert emulator.record("acmecorp")["reseller"]["children"] == 0
    assert face.destroy("acme").ok
    assert face.ours() == []
    assert mutations(emulator.requests) == ["DELETE /api/v1/customer/acmecorp"]


@pytest.mark.parametrize("masquerade", ["allowed", "401", "parent-token"])
def test_a_reseller_with_customers_stays_and_is_not_waited_for(
    face: Stack, emulator: Emulator, masquerade: Any
) -> None:
    emulator.switch(masquerade="allowed", stale_children=100)
    emulator.seed("gone-corp", parent="acmecorp")
    emulator.seed("real-corp", parent="acmecorp")
    delete_inside(emulator, "gone-corp")
    emulator.switch(masquerade=masquerade)
    face.restart()
    assert "it has 2 customers of its own" in face.destroy("acme").text
    assert mutations(emulator.requests) == []
    if masquerade == "allowed":
        assert len(emulator.requests.of("GET", "/customer/acmecorp")) == 1


def test_without_a_way_inside_a_short_lag_is_waited_for(face: Stack, emulator: Emulator) -> None:
    emulator.switch(stale_children=2)
    emulator.seed("one-corp", parent="acmecorp")
    delete_inside(emulator, "one-corp")
    emulator.switch(masquerade="404")
    face.restart()
    assert face.destroy("acme").ok
