"""The options of the command that started a provider, and the state of its stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion.customer.stack import Command, Managed, StackState
from pulumi_fusion.pulumi_command import PulumiCommand, find, state_of

URN = "urn:pulumi:dev::onboarding::fusion:index:Customer::acme"


def summary(*arguments: str, **environ: str) -> Command:
    return PulumiCommand("pulumi", arguments, "/").summary(environ)


@pytest.mark.parametrize(
    ("arguments", "destroys", "limited"),
    [
        (["up", "--yes"], False, False),
        (["-C", "destroy", "up"], False, False),
        (["--color", "never", "--cwd=destroy", "-s", "down", "update"], False, False),
        (["destroy"], True, False),
        (["--non-interactive", "-C", "folder", "down", "-y"], True, False),
        (["dn"], True, False),
        (["up", "--target", URN], False, True),
        (["up", f"--target={URN}"], False, True),
        (["up", "-t", URN], False, True),
        (["up", f"-t{URN}"], False, True),
        (["up", "-yft", URN], False, True),
        (["up", f"-yft{URN}"], False, True),
        (["destroy", "-yfx", URN], True, True),
        (["-Qys", "-t", "up"], False, False),
        (["up", "-m", "--target", "-y"], False, False),
        (["up", "--message=-t", "--stack", "--exclude"], False, False),
        (["up", "--target-replace", URN], False, True),
        (["up", "--exclude", URN], False, True),
        (["destroy", "-x", URN], True, True),
        (["destroy", "--exclude-protected"], True, True),
        ([], False, False),
    ],
)
def test_the_verb_and_the_limiting_options_are_found(arguments: list[str], destroys: bool, limited: bool) -> None:
    found = summary(*arguments)
    assert (found.destroys, found.is_limited) == (destroys, limited)


def test_targets_are_found_in_each_form() -> None:
    assert summary("destroy", "--target", "a", "-t", "b", "--target=c", "-yftd").targets == {"a", "b", "c", "d"}


@pytest.mark.parametrize("name", ["PULUMI_OPTION_TARGET", "PULUMI_OPTION_EXCLUDE", "PULUMI_OPTION_TARGET_REPLACE"])
def test_an_option_may_be_set_in_the_environment(name: str) -> None:
    assert summary("up", **{name: URN}).is_limited
    assert not summary("up", **{name: ""}).is_limited


def test_continue_on_error_is_found_in_options_and_environment() -> None:
    assert summary("up", "--continue-on-error").may_miss
    assert summary("up", PULUMI_CONTINUE_ON_ERROR="true").may_miss
    assert summary("up", PULUMI_SKIP_CHECKPOINTS="1").may_miss
    assert not summary("up").may_miss
    assert not summary("up", "--continue-on-error=false").may_miss
    assert not summary("up", PULUMI_CONTINUE_ON_ERROR="false").may_miss


def resource(**changed: Any) -> dict[str, Any]:
    return {
        "urn": URN,
        "type": "fusion:index:Customer",
        "id": "acme-corp",
        "provider": "urn:pulumi:dev::onboarding::pulumi:providers:fusion::default::1b2c",
        "outputs": {"customerId": "id-1", "parent": "msp", "deletionProtection": False},
        **changed,
    }


def exported(*resources: Any) -> dict[str, Any]:
    return {"version": 3, "deployment": {"resources": list(resources)}}


def test_the_customers_of_an_exported_state_are_found() -> None:
    provider = "urn:pulumi:dev::onboarding::pulumi:providers:fusion::default"
    stack = {"urn": "urn:pulumi:dev::onboarding::pulumi:pulumi:Stack::x", "type": "pulumi:pulumi:Stack"}
    own = {"urn": provider, "type": "pulumi:providers:fusion"}
    assert state_of(exported(stack, own, resource(), resource(external=True))) == StackState(
        (Managed(URN, "acme-corp", "id-1", "msp", provider),), (provider,)
    )
    assert state_of({"version": 3, "deployment": {}}) == StackState()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"delete": True}, {"pending_delete": True}),
        ({"pendingReplacement": True}, {"pending_delete": True}),
        ({"outputs": {}}, {"customer_id": None, "parent": None, "protected": True}),
        (
            {"outputs": {"customerId": {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": "v1:"}}},
            {"parent": None},
        ),
    ],
)
def test_the_properties_of_a_customer_in_a_state_are_read(changed: dict[str, Any], expected: dict[str, Any]) -> None:
    (found,) = state_of(exported(resource(**changed))).customers
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("text", ["null", "[]", "{}", '{"deployment": []}', '{"deployment": {"resources": [1]}}'])
def test_other_output_is_not_a_state(text: str) -> None:
    with pytest.raises(ValueError, match="isn't an exported stack"):
        state_of(json.loads(text))


def script(folder: Path, body: str, *arguments: str) -> PulumiCommand:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return PulumiCommand(str(program), ["up", *arguments], str(folder))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--stack", "org/dev"],
        ["--stack=org/dev"],
        ["-s", "org/dev"],
        ["-sorg/dev"],
        ["-ys", "org/dev"],
        ["-s", "other", "-ysorg/dev"],
    ],
)
def test_the_state_is_that_of_the_stack_that_the_command_names(tmp_path: Path, arguments: list[str]) -> None:
    command = script(tmp_path, f"echo \"$@\" > asked; cat <<'END'\n{json.dumps(exported(resource()))}\nEND", *arguments)
    assert command.state(10) == state_of(exported(resource()))
    assert (tmp_path / "asked").read_text().split() == ["stack", "export", "--non-interactive", "--stack=org/dev"]


@pytest.mark.parametrize("body", ["exit 1", "echo no JSON", "echo '{}'"])
def test_a_state_that_cannot_be_read_is_unknown(tmp_path: Path, body: str) -> None:
    assert script(tmp_path, body).state(10) is None
    assert PulumiCommand(str(tmp_path / "missing"), ["up"], str(tmp_path)).state(10) is None


def test_the_configuration_is_that_of_the_stack_and_file_that_the_command_names(tmp_path: Path) -> None:
    values = {"fusion:maxDeletes": {"value": "1", "secret": False}, "fusion:netosecret": {"secret": True}}
    command = script(
        tmp_path,
        f"echo \"$@\" > asked; cat <<'END'\n{json.dumps(values)}\nEND",
        *("-s", "dev", "--config-file", "dev.yaml"),
    )
    assert command.configuration(10) == {"fusion:maxDeletes": "1", "fusion:netosecret": None}
    asked = (tmp_path / "asked").read_text().split()
    assert asked == ["config", "--json", "--config-file=dev.yaml", "--non-interactive", "--stack=dev"]


@pytest.mark.parametrize("body", ["exit 1", "echo no JSON", "echo '[]'", "echo '{\"x\": 1}'"])
def test_a_configuration_that_cannot_be_read_is_unknown(tmp_path: Path, body: str) -> None:
    assert script(tmp_path, body).configuration(10) is None


def test_a_process_that_pulumi_did_not_start_has_no_command() -> None:
    assert find() is None
