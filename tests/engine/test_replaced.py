"""A replacement that the user asks for, under the same shortname: one clean replacement, or a refusal that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Ran, mutations

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


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_a_forced_replacement_succeeds_or_is_refused(
    way: str, frontend: Frontend, tmp_path: Path, emulator: Emulator
) -> None:
    stack = frontend.stack(tmp_path, emulator)

    def up(*, protected: bool, replace: bool, **options: Any) -> Ran:
        if way == "replaceOnChanges":
            options["replace_on_changes"] = ["organization"]
        fields = {"deletion_protection": protected, "organization": "Lakeside County Board" if replace else None}
        declared = {key: value for key, value in fields.items() if value is not None}
        stack.declare({"lakeside": frontend.customer("lakeside", options=options, **declared)})
        return stack.up(*(["--replace", urn] if way == "--replace" and replace else []))

    urn = f"urn:pulumi:{stack.name}::onboarding::{frontend.type}::lakeside"
    up(protected=True, replace=False).ok()
    (before,) = emulator.accounts()
    if way == "taint":
        stack.pulumi("state", "taint", urn, "--yes").ok()
    emulator.requests.clear()
    refused = words(up(protected=True, replace=True, delete_before_replace=True).failed())
    spelled = {"dynamic": ("deletion_protection=False", "delete_before_replace")}
    unprotected, option = spelled.get(frontend.name, ("deletionProtection=false", "deleteBeforeReplace"))
    assert f"apply {unprotected} first" in refused

    if way == "taint":
        stack.pulumi("state", "untaint", urn, "--yes").ok()
    up(protected=False, replace=False).ok()
    if way == "taint":
        stack.pulumi("state", "taint", urn, "--yes").ok()
    refused = words(up(protected=False, replace=True).failed())
    assert f"set the resource option {option}, which" in refused
    assert "adopt" not in refused
    assert "pulumi import" not in refused
    assert not {each for each in mutations(emulator.requests) if not each.startswith("PUT")}

    emulator.requests.clear()
    up(protected=False, replace=True, delete_before_replace=True).ok()
    (after,) = emulator.accounts()
    assert after.id != before.id
    assert mutations(emulator.requests) == ["DELETE /api/v1/customer/lakeside", "POST /api/v1/customer"]
    assert stack.state()["lakeside"]["outputs"]["customerId"] == after.id
    stack.require_no_changes()


def words(ran: Ran) -> str:
    return " ".join(ran.text.split())


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
