"""The group of commands, each imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from pulumi_fusion.cli.lazy_group import LazyGroup
from pulumi_fusion.documentation import more

__all__ = ["pulumi_fusion"]

COMMANDS: Final[Mapping[str, str]] = {
    "audit": "List the masquerade sessions and check their records.",
    "catalog": "Check, compare and export customers.yaml.",
    "customers": "List the customers of the account.",
    "docs": "Show a page of the documentation, offline.",
    "doctor": "Report what works, what is missing and how to get it.",
    "emulator": "Run an emulator of the service, no account needed.",
    "masquerade": "Open a temporary, audited session inside a customer.",
    "plugin": "Register the provider with Pulumi, for every language.",
    "report": "Write what a preview changes, for a reviewer.",
    "snapshot": "Save, load and compare the accounts of an emulator.",
    "types": "List the account types that the service supports.",
}


@click.group(
    cls=LazyGroup,
    package="pulumi_fusion.cli",
    summaries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=more("_index"),
)
@click.version_option(package_name="pulumi-fusion", message="%(prog)s %(version)s")
def pulumi_fusion() -> None:
    """List the customers of a Fusion account, check the set-up, or work without an account.

    Customers are declared in a Pulumi program; no command here changes one. Start with `pulumi-fusion doctor`.

    \b
    Environment:
      NETOSECRET              the API credential; it can't be given as an argument
      FUSION_NETOSECRET_FILE  a file that contains the credential
      FUSION_API_URL          the url of the service, in place of the credential's
      FUSION_ACCOUNT          the sub-account to work in
      FUSION_EMULATOR         set by the emulator: commands connect to nothing else
      FUSION_DEADLINE         seconds that one operation may take (300)
      FUSION_DEBUG=1          show the traceback of an unexpected error
      NO_COLOR                no colours

    \b
    Example, without an account:
      pulumi-fusion emulator -- pulumi-fusion customers

    \b
    Exit codes:
      0 success   1 failure, with the reason on stderr   2 wrong usage
      70 a defect of this program   130 interrupted
    """
    # Here, because this runs before every command but not before help.
    from pulumi_fusion.redaction import redact_logs

    redact_logs()
