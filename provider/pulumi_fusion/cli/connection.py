"""Options and functions with which commands connect to the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pulumi_fusion.credential_file import bare, read_credential
from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import Settings

if TYPE_CHECKING:
    from pulumi_fusion.api.client import FusionClient

__all__ = ["connect", "learn_credential", "service_options"]

F = TypeVar("F", bound=Callable[..., Any])

# The credential can't be an option, since every user of a machine can read the arguments of its processes.
_OPTIONS = (
    click.option("--account", metavar="SHORTNAME", help="Work in this sub-account. Overrides FUSION_ACCOUNT."),
    click.option("--api-url", metavar="URL", help="The url of the service. Overrides FUSION_API_URL."),
)


def service_options(command: F) -> F:
    """Add the options ``account`` and ``api_url`` (str | None) to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def learn_credential(environ: Mapping[str, str]) -> None:
    """Make the credential of an environment known to the redaction, unless it is in a pipe."""
    from pulumi_fusion.api.credentials import Netosecret

    texts = [environ.get("NETOSECRET", "")]
    with suppress(OSError, ValueError, RuntimeError):  # a file that can't be read has no secret to learn
        file = Path(environ.get("FUSION_NETOSECRET_FILE", "").strip()).expanduser()
        if file.is_file():
            texts.append(read_credential(str(file)))
    for text in filter(None, texts):
        with suppress(SettingsError):
            Netosecret.parse(Secret(bare(text)))


def connect(settings: Settings, *, deadline: float | None = None) -> FusionClient:
    """Return a client for these settings; sends nothing yet. Raises SettingsError."""
    # Imported here, so that help and `masquerade`, which starts itself again, don't wait for the HTTP stack.
    from pulumi_fusion.api.client import FusionClient

    try:
        return FusionClient(settings, deadline=deadline)
    except MissingSetting as missing:
        # The error lists all sources of a setting, also the stack configuration, which only a Pulumi program has.
        raise MissingSetting(
            missing.attempted,
            missing.came_back,
            next_step=f"{missing.next_step} This command does not read a stack's configuration.",
        ) from None
