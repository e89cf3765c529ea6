"""The command ``pulumi-fusion report``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import BinaryIO, Final, TypeVar

import click

from pulumi_fusion.cli.output import print_json
from pulumi_fusion.cli.report_text import print_text
from pulumi_fusion.cli.stderr import report as report_error
from pulumi_fusion.documentation import more
from pulumi_fusion.errors import capped
from pulumi_fusion.report.digest import digest
from pulumi_fusion.report.limits import Condition, Limits, UnclearError, refusals
from pulumi_fusion.report.plan import Plan
from pulumi_fusion.report.privacy import without_admins, without_emails
from pulumi_fusion.report.reading import NotAPreviewError, read_plan
from pulumi_fusion.report.render.contents import Contents
from pulumi_fusion.report.render.document import document
from pulumi_fusion.report.render.markdown import markdown
from pulumi_fusion.report.warnings import WarningKind, warnings

__all__ = ["report"]

FAILED: Final = 1
REFUSED: Final = 5
ANOTHER_PLAN: Final = 6

FORMATS: Final = ("text", "markdown", "github", "gitlab", "json")

_ANOTHER: Final = "This is another plan than the reviewed one, since its digest is another one. Review this plan."

T = TypeVar("T")


def _each(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], list[T]]:
    """Return the callback of an option that may be repeated and have several values with commas between them."""

    def callback(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[T]:
        try:
            return [parse(each.strip()) for value in values for each in value.split(",")]
        except ValueError as wrong:
            raise click.BadParameter(f"{wrong}.") from None

    return callback


def _kind(text: str) -> WarningKind:
    try:
        return WarningKind(text)
    except ValueError:
        kinds = ", ".join(each.value for each in WarningKind)
        raise ValueError(f"there is no warning {text!r}; there are {kinds}") from None


def _percent(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("it isn't a number.")
    return value


def _digest(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch("[0-9a-f]{64}", value):
        raise click.BadParameter("a digest has 64 characters of 0-9 and a-f; --digest prints it.")
    return value


@click.command(epilog=more("reports"))
@click.argument("file", type=click.File("rb"), default="-", metavar="[FILE]")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to write it."
)
@click.option("--show-admin", is_flag=True, help="Show the e-mail address and names of the first admins.")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="COUNT>N",
    callback=_each(Condition.parse),
    help="Refuse a plan with more: 'deletes>0', in quotes.",
)
@click.option("--max-deletes", type=click.IntRange(min=0), metavar="N", help="Refuse a plan with more deletions.")
@click.option(
    "--max-delete-percent",
    type=click.FloatRange(0, 100),
    metavar="P",
    callback=_percent,
    help="Refuse a plan that deletes more of the customers in the state.",
)
@click.option("--deny", multiple=True, metavar="KIND", callback=_each(_kind), help="Refuse a plan with such a warning.")
@click.option("--digest", "digest_only", is_flag=True, help="Print only the digest of the plan.")
@click.option("--expect-digest", metavar="DIGEST", callback=_digest, help="Refuse any other plan.")
@click.pass_context
def report(
    ctx: click.Context,
    *,
    file: BinaryIO,
    form: str,
    show_admin: bool,
    fail_on: list[Condition],
    max_deletes: int | None,
    max_delete_percent: float | None,
    deny: list[WarningKind],
    digest_only: bool,
    expect_digest: str | None,
) -> None:
    """Write what a preview changes, for a reviewer. Reads the output of `pulumi preview --json`; sends nothing.

    FILE is that output, by default stdin. With `pulumi preview --show-sames` the unchanged customers are counted, too.
    The output of `up --json` and `destroy --json` starts with a preview, which is read as well.

    github and gitlab are Markdown with alerts, and markdown is without them. All three have less than 64000 characters,
    and names in them stay text. No format has the e-mail address or name of a first admin, unless
    --show-admin is given, or the value of a secret.

    \b
    --fail-on counts creates, adopts, imports, updates, replaces, deletes (also
    those of replaces) or changes. --deny refuses deletion, replacement,
    retention-cut, protection-lowered, type-change, trial-ends, shortname,
    adoption or state-removal. Both take several values, with commas between
    them.

    \b
    Examples:
      pulumi preview --json --show-sames | pulumi-fusion report
      pulumi-fusion report preview.json --format github > comment.md
      pulumi-fusion report preview.json --max-deletes 1 --deny retention-cut
      pulumi-fusion report preview.json --expect-digest "$REVIEWED"

    \b
    Exit codes: 0 written; 1 the input isn't a preview, or the run failed; 2 wrong usage; 5 a limit is exceeded,
    or a customer is deleted whose deletion protection is on; 6 the digest is another one. With 5 and 6, and if the run
    failed, the report is written as well.
    """
    if file.isatty():
        raise click.UsageError("stdin is a terminal. Pipe the output of `pulumi preview --json`, or name a FILE.")
    try:
        plan = read_plan(file.read())
        shown = plan if show_admin else without_admins(plan)
        refused = refusals(shown, warnings(shown), Limits(fail_on, max_deletes, max_delete_percent, deny))
    except (NotAPreviewError, UnclearError) as wrong:
        raise click.ClickException(capped(without_emails(str(wrong)))) from None
    complete = None if plan.failures else digest(plan)
    if digest_only:
        if complete:
            click.echo(complete)
    else:
        reasons = [_ANOTHER, *refused] if complete and expect_digest not in (None, complete) else refused
        _write(form, shown, complete, reasons)
    ctx.exit(_judge(plan, complete, expect_digest, refused))


def _write(form: str, plan: Plan, complete: str | None, refused: list[str]) -> None:
    contents = Contents(plan, warnings(plan), complete, refused)
    if form == "text":
        print_text(contents)
    elif form == "json":
        print_json(document(contents))
    else:
        click.echo(markdown(contents, alerts=form != "markdown"), nl=False)


def _failure_message(plan: Plan) -> str:
    """Return why the run failed; the report has the errors, too."""
    if plan.customers or any(each.resource for each in plan.failures):
        return f"Error: the run failed, so the plan has no digest. Errors: {len(plan.failures)}."
    reason = capped(without_emails(" ".join(each.reason for each in plan.failures)))
    return f"Error: the preview failed before any customer was planned: {reason}"


def _judge(plan: Plan, complete: str | None, expected: str | None, refused: list[str]) -> int:
    """Report on stderr why the plan must not be applied, and return the exit code."""
    if plan.failures:
        report_error(_failure_message(plan))
        return FAILED
    if expected not in (None, complete):
        report_error(f"Error: this is another plan than the reviewed one: its digest is {complete}, not {expected}.")
        return ANOTHER_PLAN
    for each in refused:
        report_error(f"Error: {each}")
    return REFUSED if refused else 0
