"""The verbs there are, each known by name and summary until it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from pulumi_fusion.posix import needs_posix

__all__ = ["pulumi_fusion"]

VERBS: Final[Mapping[str, str]] = {
    "audit": "List the masquerade sessions and check their records.",
    "customers": "List the customers of the account.",
    "doctor": "Say what works, what is missing and how to get it.",
    "emulator": "Run the service on this machine, no account needed.",
    "masquerade": "Open a temporary, audited session inside a customer.",
    "plugin": "Make the provider known to Pulumi, for every language.",
    "types": "List the account types that the service knows.",
}


class Verbs(click.Group):
    """A group whose command V is ``pulumi_fusion.cli.V.V``: who asks for help waits for no HTTP stack."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, as the help shows them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name, None when there is none."""
        if cmd_name not in VERBS:
            return None
        try:
            command = getattr(import_module(f"pulumi_fusion.cli.{cmd_name}"), cmd_name)
        except ModuleNotFoundError as missing:
            if sentence := needs_posix(f"`pulumi-fusion {cmd_name}`", missing):
                raise click.ClickException(sentence) from None
            raise
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The summaries, without loading what they sum up."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="pulumi-fusion", message="%(prog)s %(version)s")
def pulumi_fusion() -> None:
    """Look at the customers of a Fusion account, check the set-up, or work without an account.

    Customers are declared in a Pulumi program; no command here changes one. Start with `pulumi-fusion doctor`.

    \b
    Environment:
      NETOSECRET              the API credential; it is never taken from the command line
      FUSION_NETOSECRET_FILE  a file that holds the credential instead
      FUSION_API_URL          the service's address, instead of the credential's
      FUSION_ACCOUNT          the sub-account to work in
      FUSION_EMULATOR         set by the emulator: nothing but it is reached then
      FUSION_DEADLINE         seconds that one operation may take (300)
      FUSION_DEBUG=1          show where an unexpected error comes from
      NO_COLOR                no colours

    \b
    Example, without an account:
      pulumi-fusion emulator -- pulumi-fusion customers

    \b
    Exit codes:
      0 success   1 it failed, and stderr says why   2 wrong usage
      70 a defect of this program   130 interrupted
    """
    # Here, because this runs before every verb and before none of the questions for help.
    from pulumi_fusion.redaction import redact_logs

    redact_logs()
