"""How every verb gets to the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.api.tokens import Netosecret
from pulumi_fusion.credential_file import bare, read_credential
from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import Settings

__all__ = ["connect", "learn_credential", "service_options"]

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


def learn_credential(environ: Mapping[str, str]) -> None:
    """Make the credential of an environment known as a secret, though nothing here uses it; one in a pipe is left."""
    texts = [environ.get("NETOSECRET", "")]
    with suppress(OSError, ValueError, RuntimeError):  # a file that cannot be read leads nowhere either
        file = Path(environ.get("FUSION_NETOSECRET_FILE", "").strip()).expanduser()
        if file.is_file():
            texts.append(read_credential(str(file)))
    for text in filter(None, texts):
        with suppress(SettingsError):
            Netosecret.parse(Secret(bare(text)))


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
