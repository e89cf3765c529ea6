"""The command ``pulumi-fusion``: one module per verb, loaded when the verb is used."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback

import click

from pulumi_fusion.cli.stderr import report
from pulumi_fusion.cli.verbs import pulumi_fusion

__all__ = ["main"]

INTERRUPTED = 130
"""128 + SIGINT, as shells say."""

DEFECT = 70
"""EX_SOFTWARE of sysexits.h."""


def main() -> int:
    """Run the command line of this process and return its exit code; no exception but SystemExit leaves it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the service calls a customer may not exist in the terminal's encoding.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = pulumi_fusion.main(prog_name="pulumi-fusion", standalone_mode=False)
    except click.ClickException as refused:
        said = io.StringIO()
        refused.show(said)
        report(said.getvalue().rstrip("\n"))
        return refused.exit_code
    except click.Abort:
        return INTERRUPTED
    except Exception as failure:  # noqa: BLE001  # the last one who can keep a traceback from the user
        return _told(failure)
    return code if isinstance(code, int) else 0


def _told(failure: Exception) -> int:
    # Only a verb can fail so; `--help` need not wait for what tells it.
    from pulumi_fusion.errors import FusionError, capped
    from pulumi_fusion.redaction import redact

    if isinstance(failure, FusionError):
        report(f"Error: {failure}")
        return 1
    if isinstance(failure, OSError):
        report(f"Error: {capped(str(failure))}")
        # What cannot be written now cannot be written by the interpreter's exit either, which would say so again.
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return 1
    if os.environ.get("FUSION_DEBUG") == "1":
        report(redact("".join(traceback.format_exception(failure)).rstrip()))
    else:
        name, text = type(failure).__name__, capped(str(failure))
        report(f"Error: unexpected {name}: {text}. FUSION_DEBUG=1 shows where it comes from.")
    return DEFECT
