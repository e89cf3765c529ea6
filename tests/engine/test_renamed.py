"""A resource that gets another name or parent keeps its customer, whatever the user does about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Stack, mutations

LAKESIDE = "lakeside"


@pytest.fixture(params=FRONTENDS)
def frontend(request: pytest.FixtureRequest) -> Frontend:
    return Frontend(request.param)


@pytest.fixture
def applied(frontend: Frontend, tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack that manages one customer, by a resource that has its shortname for a name."""
    stack = frontend.stack(tmp_path, emulator)
    stack.declare({LAKESIDE: frontend.customer(LAKESIDE)})
    stack.up().ok()
    emulator.requests.clear()
    return stack


def words(text: str) -> str:
    return " ".join(text.split())


def survives(emulator: Emulator) -> None:
    assert [account.shortname for account in emulator.accounts()] == [LAKESIDE]
    assert not [each for each in mutations(emulator.requests) if each.startswith("DELETE")]


@pytest.mark.parametrize("moved", [{"name": "county"}, {"region": "north"}], ids=["name", "parent"])
def test_a_renamed_resource_is_recognized_at_preview_and_needs_an_alias(
    frontend: Frontend, applied: Stack, emulator: Emulator, moved: dict[str, str]
) -> None:
    old = applied.state()[LAKESIDE]["urn"]
    customer_id = emulator.accounts()[0].id
    applied.declare({LAKESIDE: frontend.customer(LAKESIDE, options=moved)})

    shown = words(applied.preview().failed().text)
    assert f"This stack manages it as {old}. If that resource was renamed or moved" in shown
    line = f'aliases: ["{old}"]' if frontend.name == "plugin" else f'opts=pulumi.ResourceOptions(aliases=["{old}"])'
    assert line in shown
    assert (f"pulumi state rename '{old}' county" in shown) == ("name" in moved)
    assert "adopt=" not in shown
    assert "pulumi import" not in shown

    applied.declare({LAKESIDE: frontend.customer(LAKESIDE, options=moved, adopt=customer_id)})
    for command in (applied.preview, applied.up):
        assert "adopt names a customer that isn't free to adopt" in words(command().failed().text)
    assert mutations(emulator.requests) == []

    applied.declare({LAKESIDE: frontend.customer(LAKESIDE, options={**moved, "aliases": [old]})})
    applied.preview("--expect-no-changes").ok()
    applied.up("--expect-no-changes").ok()
    applied.require_no_changes()
    assert mutations(emulator.requests) == []


def test_a_customer_with_two_resources_in_the_state_is_not_deleted(
    frontend: Frontend, applied: Stack, emulator: Emulator
) -> None:
    """As after an import under a second name, or by a version that adopted it."""
    old = applied.state()[LAKESIDE]["urn"]
    protected = frontend.name == "dynamic"
    applied.declare({LAKESIDE: frontend.customer(LAKESIDE, deletion_protection=protected)})
    applied.up().ok()
    duplicate(applied, "county")
    applied.declare({"county": frontend.customer(LAKESIDE, deletion_protection=protected)})
    emulator.requests.clear()

    commands = [
        ("up",),
        ("up", "--parallel", "1"),
        ("up", "--target", old),
        ("up", "--refresh"),
        ("destroy", "--target", old),
        ("destroy", "-yft", old),
    ]
    for command in commands:
        refused = words(applied.pulumi(*command, "--yes", "--skip-preview").failed().text)
        assert f"Could not delete the customer '{LAKESIDE}': another resource of the stack manages the same" in refused
        assert "pulumi state delete" in refused
        assert "deletion protection" not in refused
        survives(emulator)
        assert {"county", LAKESIDE} == set(applied.state())

    applied.pulumi("state", "delete", old, "--yes").ok()
    applied.up("--expect-no-changes").ok()
    applied.require_no_changes()
    survives(emulator)


def test_an_import_under_a_second_name_warns_and_deletes_nothing(tmp_path: Path, emulator: Emulator) -> None:
    frontend = Frontend("plugin")
    stack = frontend.stack(tmp_path, emulator)
    stack.declare({LAKESIDE: frontend.customer(LAKESIDE)})
    stack.up().ok()
    old = stack.state()[LAKESIDE]["urn"]
    imported = stack.pulumi(
        "import", frontend.type, "county", LAKESIDE, "--yes", "--generate-code=false", "--protect=false"
    )
    assert f"it is imported a second time. This stack manages it as {old}" in words(imported.ok().text)

    stack.declare({"county": frontend.customer(LAKESIDE)})
    assert "another resource of the stack manages the same" in words(stack.up().failed().text)
    survives(emulator)
    stack.pulumi("state", "delete", old, "--yes").ok()
    stack.up().ok()
    stack.require_no_changes()
    survives(emulator)


def test_a_limited_run_deletes_no_customer_that_the_program_may_declare(
    frontend: Frontend, applied: Stack, emulator: Emulator
) -> None:
    old = applied.state()[LAKESIDE]["urn"]
    applied.declare({"county": frontend.customer(LAKESIDE)})
    for options in (("--target", old), ("-yft", old)):
        refused = words(applied.up(*options).failed().text)
        assert "limited to a part of the program" in refused
        assert "Run `pulumi up` without --target" in refused
        survives(emulator)

    applied.declare({})
    applied.up("--target", old).failed()
    survives(emulator)
    applied.destroy("--target", old).ok()
    assert emulator.accounts() == ()


def test_no_resource_deletes_a_customer_after_a_failed_adoption(
    frontend: Frontend, applied: Stack, emulator: Emulator
) -> None:
    """With --continue-on-error the engine goes on to delete what the program doesn't declare any more."""
    applied.environ["FUSION_PREFLIGHT"] = "off"
    for adopt in (None, emulator.accounts()[0].id):
        applied.declare({"county": frontend.customer(LAKESIDE, adopt=adopt)})
        applied.up("--continue-on-error").failed()
        survives(emulator)
        assert LAKESIDE in applied.state()


def test_a_customer_that_the_program_reads_is_not_deleted(
    frontend: Frontend, applied: Stack, emulator: Emulator
) -> None:
    program = (
        'import pulumi_fusion; pulumi_fusion.Customer.get("read", "lakeside")'
        if frontend.name == "dynamic"
        else 'import pulumi; pulumi.CustomResource("fusion:index:Customer", "read", {}, '
        'pulumi.ResourceOptions(id="lakeside"))'
    )
    (applied.folder / "__main__.py").write_text(program)
    assert "another resource of the stack manages the same" in words(applied.up().failed().text)
    survives(emulator)


def test_a_move_to_the_other_frontend_needs_an_alias(applied: Stack, frontend: Frontend, emulator: Emulator) -> None:
    old = applied.state()[LAKESIDE]["urn"]
    (other,) = (Frontend(name) for name in FRONTENDS if name != frontend.name)
    moved = other.stack(applied.folder / "moved", emulator)
    (applied.folder / "__main__.py").write_text((moved.folder / "__main__.py").read_text())
    applied.declare({LAKESIDE: other.customer(LAKESIDE)})
    assert f"This stack manages it as {old}" in words(applied.preview().failed().text)

    applied.declare({LAKESIDE: other.customer(LAKESIDE, adopt=emulator.accounts()[0].id)})
    applied.environ["FUSION_PREFLIGHT"] = "off"
    applied.up("--continue-on-error").failed()
    survives(emulator)
    # Another stack is selected, and the run names its own.
    applied.pulumi("stack", "init", "another").ok()
    applied.up(f"-s{applied.name}").failed()
    survives(emulator)


def test_a_removed_customer_is_still_deleted(frontend: Frontend, applied: Stack, emulator: Emulator) -> None:
    applied.declare({"other": frontend.customer("other-corp")})
    applied.up().ok()
    assert [account.shortname for account in emulator.accounts()] == ["other-corp"]
    applied.require_no_changes()


def test_one_shortname_in_two_resources_fails_the_preview(
    frontend: Frontend, tmp_path: Path, emulator: Emulator
) -> None:
    stack = frontend.stack(tmp_path, emulator)
    both = {name: frontend.customer(LAKESIDE) for name in ("first", "second")}
    stack.declare(both)
    refused = words(stack.preview().failed().text)
    assert f"Shortname '{LAKESIDE}' is declared by two resources of this program" in refused
    assert all(f"Customer::{name}" in refused for name in both)
    assert "adopt" not in refused

    stack.declare({"first": both["first"]})
    stack.up().ok()
    stack.declare(both)
    for command in (stack.preview, stack.up):
        refused = words(command().failed().text)
        # The engine may ask about either of them first.
        assert "is declared by two resources of this program" in refused or "If two customers are intended" in refused
        assert all(name in refused for name in both)
    assert len(emulator.requests.of("POST", "/customer")) == 1


def duplicate(stack: Stack, name: str) -> None:
    """Let the state hold the customer once more, by a resource of another name."""
    exported = stack.folder / "state.json"
    stack.pulumi("stack", "export", "--file", str(exported)).ok()
    deployment = json.loads(exported.read_text())
    (resource,) = (
        each for each in deployment["deployment"]["resources"] if each["urn"].endswith(f"Customer::{LAKESIDE}")
    )
    copy = {**resource, "urn": resource["urn"].removesuffix(LAKESIDE) + name}
    deployment["deployment"]["resources"].append(copy)
    exported.write_text(json.dumps(deployment))
    stack.pulumi("stack", "import", "--file", str(exported)).ok()
