"""Which setting limits the deletions of a run: that of the current configuration, or an explicit provider's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from pulumi_fusion import pulumi_command
from pulumi_fusion.engine import Connection
from pulumi_fusion.errors import SettingsError, TooManyDeletes
from pulumi_fusion.pulumi_command import PulumiCommand
from tests.unit.operations.scripted import ScriptedService
from tests.unit.samples import state

EXPLICIT = "urn:pulumi:dev::onboarding::pulumi:providers:fusion::north"
DEFAULT = "urn:pulumi:dev::onboarding::pulumi:providers:fusion::default_0_1_0"
UNSET: Mapping[str, str | None] = {}


@dataclasses.dataclass(frozen=True)
class Running(PulumiCommand):
    """A command whose stack has this configuration, None if it can't be read."""

    current: Mapping[str, str | None] | None = None

    def configuration(self, seconds: float) -> Any:
        return self.current

    def state(self, seconds: float) -> None:
        return None


def source_of_limit(
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    current: Mapping[str, str | None] | None,
    provider: str = "",
    *,
    verb: str = "destroy",
) -> str:
    """Return the source of a limit of 0, which the refusal of a deletion names."""
    command = Running("pulumi", [verb], "/", current)
    monkeypatch.setattr(pulumi_command, "find", lambda: command)
    config = {"fusion:maxDeletes": given}.get
    connection = Connection(config, connect=lambda settings: ScriptedService(), provider=provider)
    lifecycle = connection.lifecycle()
    monkeypatch.setattr("pulumi_fusion.operations.lifecycle.require_deletable", lambda *_: None)
    with pytest.raises(TooManyDeletes) as raised:
        lifecycle.delete("acme-corp", state())
    return raised.value.came_back.partition(" allows no deletion")[0]


ZERO: Mapping[str, str | None] = {"fusion:maxDeletes": "0"}
STACK = "stack configuration fusion:maxDeletes"
PROVIDER = "the provider 'north' or stack configuration fusion:maxDeletes"
ENVIRONMENT = "environment variable FUSION_MAX_DELETES"


@pytest.mark.parametrize(
    ("given", "current", "provider", "expected"),
    [
        (None, ZERO, "", STACK),
        ("9", ZERO, DEFAULT, STACK),
        (None, ZERO, EXPLICIT, PROVIDER),
        ("0", {"fusion:maxDeletes": "9"}, EXPLICIT, PROVIDER),
        ("9", UNSET, DEFAULT, ENVIRONMENT),
        (None, UNSET, "", ENVIRONMENT),
        ("0", None, "", STACK),
    ],
    ids=[
        "set since", "changed since", "explicit provider without one", "explicit provider", "removed since", "never",
        "unreadable",
    ],
)  # fmt: skip
def test_the_source_of_the_limit(
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    current: Mapping[str, str | None] | None,
    provider: str,
    expected: str,
) -> None:
    monkeypatch.setenv("FUSION_MAX_DELETES", "0")
    assert source_of_limit(monkeypatch, given, current, provider) == expected


def test_a_command_without_a_stack_uses_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert source_of_limit(monkeypatch, "0", {"fusion:maxDeletes": "9"}, verb="do") == STACK


def test_a_secret_limit_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pulumi config` doesn't show its value, and that of the last update may be another one."""
    with pytest.raises(SettingsError, match=r"fusion:maxDeletes is a secret.* Set it without --secret"):
        source_of_limit(monkeypatch, "9", {"fusion:maxDeletes": None})


def test_an_invalid_limit_in_the_current_configuration_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as raised:
        source_of_limit(monkeypatch, None, {"fusion:maxDeletes": "some"})
    assert str(raised.value) == (
        "Could not delete the customer 'acme-corp': max_deletes (stack configuration fusion:maxDeletes) must be a "
        "whole number, 0 or more. Nothing was sent. Correct the named settings and run it again."
    )
