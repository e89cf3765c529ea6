"""A replacement that the user asks for, under the same shortname: one clean replacement, or a refusal that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion.emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Ran, Stack, mutations

# A dynamic provider can't name what differs, so replaceOnChanges has no effect there.
WAYS = [
    (name, way)
    for name in FRONTENDS
    for way in ("--replace", "taint", "replaceOnChanges")
    if (name, way) != ("dynamic", "replaceOnChanges")
]


@pytest.fixture
def frontend(name: str) -> Frontend:
    return Frontend(name)


def replaced(way: str, frontend: Frontend, stack: Stack, **options: Any) -> Ran:
    """Run an update that replaces the only customer in one of the ways that the engine has."""
    fields: dict[str, Any] = {"deletion_protection": None if "protected" in options else False}
    options.pop("protected", None)
    urn = stack.state()["lakeside"]["urn"]
    if way == "replaceOnChanges":
        options["replace_on_changes"] = ["organization"]
        fields["organization"] = "Lakeside County Board"
    stack.declare({"lakeside": frontend.customer("lakeside", options=options, **fields)})
    if way == "taint":
        stack.pulumi("state", "taint", urn, "--yes").ok()
    return stack.up(*(["--replace", urn] if way == "--replace" else []))


@pytest.fixture
def applied(frontend: Frontend, tmp_path: Path, emulator: Emulator) -> Stack:
    stack = frontend.stack(tmp_path, emulator)
    stack.declare({"lakeside": frontend.customer("lakeside")})
    stack.up().ok()
    emulator.requests.clear()
    return stack


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_with_delete_before_replace_there_is_one_clean_replacement(
    way: str, frontend: Frontend, applied: Stack, emulator: Emulator
) -> None:
    (before,) = emulator.accounts()
    replaced(way, frontend, applied, delete_before_replace=True).ok()
    (after,) = emulator.accounts()
    assert after.id != before.id
    assert mutations(emulator.requests) == ["DELETE /api/v1/customer/lakeside", "POST /api/v1/customer"]
    assert applied.state()["lakeside"]["outputs"]["customerId"] == after.id
    applied.settled()


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_without_it_nothing_is_sent_and_the_option_is_named(
    way: str, frontend: Frontend, applied: Stack, emulator: Emulator
) -> None:
    refused = " ".join(replaced(way, frontend, applied).failed().text.split())
    assert "set the resource option deleteBeforeReplace" in refused
    assert "adopt" not in refused
    assert "pulumi import" not in refused
    assert mutations(emulator.requests) == []


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_a_protected_customer_is_not_replaced(way: str, frontend: Frontend, applied: Stack, emulator: Emulator) -> None:
    applied.declare({"lakeside": frontend.customer("lakeside", deletion_protection=None)})
    applied.up().ok()
    emulator.requests.clear()
    refused = " ".join(
        replaced(way, frontend, applied, delete_before_replace=True, protected=True).failed().text.split()
    )
    assert "apply deletionProtection=false first" in refused
    assert mutations(emulator.requests) == []


@pytest.mark.parametrize("name", FRONTENDS)
def test_an_adopted_customer_is_not_replaced_by_adopting_it_again(
    frontend: Frontend, tmp_path: Path, emulator: Emulator
) -> None:
    emulator.seed("lakeside", retention=90, rollupRetention=180)
    (account,) = emulator.accounts()
    stack = frontend.stack(tmp_path, emulator)
    options = {"delete_before_replace": True}
    stack.declare({"lakeside": frontend.customer("lakeside", adopt=account.id, options=options)})
    stack.up().ok()
    urn = stack.state()["lakeside"]["urn"]
    assert "Remove adopt" in stack.up("--replace", urn).failed().text
    stack.environ["FUSION_PREFLIGHT"] = "off"
    stack.up("--replace", urn).failed()
    assert [each.id for each in emulator.accounts()] == [account.id]
