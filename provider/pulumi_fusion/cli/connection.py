"""How every verb gets to the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.errors import MissingSetting
from pulumi_fusion.settings import Settings

__all__ = ["connect", "service_options"]

F = TypeVar("F", bound=Callable[..., Any])

# The credential is no option: every user of a machine can read the arguments of its processes.
_OPTIONS = (
    click.option("--account", metavar="SHORTNAME", help="Work in this sub-account. Overrides FUSION_ACCOUNT."),
    click.option("--api-url", metavar="URL", help="Where the service is. Overrides FUSION_API_URL."),
)


def service_options(command: F) -> F:
    """Adds ``account`` and ``api_url`` (str | None) to a verb."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def connect(settings: Settings, *, deadline: float | None = None) -> FusionClient:
    """The client for these settings; nothing is sent yet. Raises SettingsError."""
    try:
        return FusionClient(settings, deadline=deadline)
    except MissingSetting as missing:
        # The ways to give a setting include one that only a running Pulumi program has.
        raise MissingSetting(
            missing.attempted,
            missing.came_back,
            next_step=f"{missing.next_step} This command does not read a stack's configuration.",
        ) from None
