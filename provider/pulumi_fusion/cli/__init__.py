"""The program ``pulumi-fusion``: one module per command, imported when the command is used."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback

import click

# Not its function: the command `report` is a module of that name in this package.
from pulumi_fusion.cli import stderr
from pulumi_fusion.cli.commands import pulumi_fusion

__all__ = ["main"]

INTERRUPTED = 130
"""128 + SIGINT, the exit code of shells."""

DEFECT = 70
"""EX_SOFTWARE of sysexits.h."""


def main() -> int:
    """Run the command line of this process and return its exit code. Raises nothing but SystemExit."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The terminal's encoding may lack characters of the service's texts.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = pulumi_fusion.main(prog_name="pulumi-fusion", standalone_mode=False)
    except click.ClickException as refused:
        text = io.StringIO()
        refused.show(text)
        stderr.report(text.getvalue().rstrip("\n"))
        return refused.exit_code
    except click.Abort:
        return INTERRUPTED
    except Exception as failure:  # noqa: BLE001  # the last place that can replace a traceback by a message
        return _report_failure(failure)
    return code if isinstance(code, int) else 0


def _report_failure(failure: Exception) -> int:
    """Report an exception of a command on stderr and return the exit code."""
    # Imported here, so that `--help` doesn't wait for it.
    from pulumi_fusion.errors import FusionError, capped
    from pulumi_fusion.redaction import redact

    if isinstance(failure, FusionError):
        stderr.report(f"Error: {failure.with_reference()}")
        return 1
    if isinstance(failure, OSError):
        stderr.report(f"Error: {capped(str(failure))}")
        # stdout can't be flushed when the interpreter exits either, which would be reported again.
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return 1
    if os.environ.get("FUSION_DEBUG") == "1":
        stderr.report(redact("".join(traceback.format_exception(failure)).rstrip()))
    else:
        name, text = type(failure).__name__, capped(str(failure))
        stderr.report(f"Error: unexpected {name}: {text}. Set FUSION_DEBUG=1 to see the traceback.")
    return DEFECT
