"""The deletion of a reseller right after that of its customers, while the service still counts them."""

from __future__ import annotations

from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from tests.contract.faults.stack import PROGRAM, Stack
from tests.engine.stack import mutations

RESELLER = {**PROGRAM, "type": "MSSP"}


@pytest.fixture(autouse=True)
def with_reseller(frontend: Stack) -> None:
    assert frontend.up("acme", RESELLER).ok


def delete_inside(emulator: Emulator, *shortnames: str) -> None:
    """Delete customers of the reseller by the API, as another provider does."""
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url, account="acmecorp") as inside:
        for shortname in shortnames:
            inside.delete_customer(shortname)
    emulator.requests.clear()


@pytest.mark.parametrize("scope", ["direct", "subtree"])
def test_a_deletion_waits_for_a_count_that_lags(frontend: Stack, emulator: Emulator, scope: Any) -> None:
    emulator.switch(stale_children=3, list_scope=scope)
    for shortname in ("one-corp", "two-corp"):
        emulator.seed(shortname, parent="acmecorp")
    delete_inside(emulator, "one-corp", "two-corp")
    assert emulator.record("acmecorp")["reseller"]["children"] == 0
    assert frontend.destroy("acme").ok
    assert frontend.created() == []
    assert mutations(emulator.requests) == ["DELETE /api/v1/customer/acmecorp"]


@pytest.mark.parametrize("masquerade", ["allowed", "401", "parent-token"])
def test_a_reseller_with_customers_is_not_deleted_and_not_waited_for(
    frontend: Stack, emulator: Emulator, masquerade: Any
) -> None:
    emulator.switch(masquerade="allowed", stale_children=100)
    emulator.seed("gone-corp", parent="acmecorp")
    emulator.seed("real-corp", parent="acmecorp")
    delete_inside(emulator, "gone-corp")
    emulator.switch(masquerade=masquerade)
    frontend.restart()
    assert "it has 2 sub-accounts" in frontend.destroy("acme").text
    assert mutations(emulator.requests) == []
    if masquerade == "allowed":
        assert len(emulator.requests.of("GET", "/customer/acmecorp")) == 1


def test_a_deletion_waits_for_a_short_lag_if_it_cannot_list_the_customers(frontend: Stack, emulator: Emulator) -> None:
    emulator.switch(stale_children=2)
    emulator.seed("one-corp", parent="acmecorp")
    delete_inside(emulator, "one-corp")
    emulator.switch(masquerade="404")
    frontend.restart()
    assert frontend.destroy("acme").ok
