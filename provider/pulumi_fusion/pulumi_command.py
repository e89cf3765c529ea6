"""The Pulumi command that started this provider: what it was asked to do, and the state of its stack.

The provider protocol carries neither. Without them a provider can't tell a renamed resource from a removed one: see
:mod:`pulumi_fusion.customer.stack`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import psutil

from pulumi_fusion.customer.stack import DYNAMIC_TYPE, PLUGIN_TYPE, Command, Managed, StackState

__all__ = ["PulumiCommand", "find", "state_of"]

_EXPORT_SECONDS: Final = 30

# Global options of the CLI that take a value; they may stand before the verb.
_WITH_VALUE: Final = frozenset(
    {"-C", "--cwd", "--color", "-v", "--verbose", "--profiling", "--tracing", "--tracing-header", "--otel-traces"}
    | {"--memprofilerate", "-s", "--stack"}
)
_PROVIDERS: Final = ("pulumi:providers:fusion", "pulumi:providers:pulumi-python")
_DESTROYING: Final = frozenset({"destroy", "down", "dn"})
# --target, --target-dependents, --target-replace, --exclude, --exclude-dependents, and their short forms.
_LIMITING: Final = re.compile(r"--(target|exclude)|-[tx]")
# https://www.pulumi.com/docs/iac/cli/environment-variables/: every option of the CLI can be set so.
_LIMITING_VARIABLES: Final = ("PULUMI_OPTION_TARGET", "PULUMI_OPTION_EXCLUDE", "PULUMI_OPTION_TARGET_REPLACE")


@dataclass(frozen=True)
class PulumiCommand:
    """A running ``pulumi``: its program, its arguments without the program, and the folder that it works in."""

    program: str
    arguments: Sequence[str]
    folder: str

    @cached_property
    def verb(self) -> str:
        """The first argument that is no option, such as ``up``."""
        arguments = iter(self.arguments)
        for argument in arguments:
            if argument in _WITH_VALUE:
                next(arguments, None)
            elif not argument.startswith("-"):
                return argument
        return ""

    def summary(self, environ: Mapping[str, str]) -> Command:
        """Return what it was asked to do."""
        return Command(
            imports=self.verb == "import",
            destroys=self.verb in _DESTROYING,
            is_limited=any(_LIMITING.match(each) for each in self.arguments)
            or any(environ.get(name) for name in _LIMITING_VARIABLES),
            targets=frozenset(self._values("--target", "-t")),
            goes_on=any(each.startswith("--continue-on-error") for each in self.arguments)
            or any(environ.get(name) for name in ("PULUMI_CONTINUE_ON_ERROR", "PULUMI_OPTION_CONTINUE_ON_ERROR")),
        )

    def _values(self, *names: str) -> Iterator[str]:
        following = [*self.arguments[1:], ""]
        for argument, value in zip(self.arguments, following, strict=False):
            name, has_value, inline = argument.partition("=")
            if name in names:
                yield inline if has_value else value

    def state(self) -> StackState | None:
        """Return what the state of its stack holds now, None where it can't be read.

        `pulumi stack export` takes no lock, decrypts nothing and asks for no passphrase.
        """
        stack = next(self._values("--stack", "-s"), "")
        command = [self.program, "stack", "export", "--non-interactive", *(["--stack", stack] if stack else [])]
        try:
            done = subprocess.run(  # noqa: S603 - the program that started this process
                command,
                cwd=self.folder,
                env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_EXPORT_SECONDS,
                check=True,
            )
            return state_of(json.loads(done.stdout))
        except (OSError, subprocess.SubprocessError, ValueError):
            return None


def find() -> PulumiCommand | None:
    """Return the nearest ``pulumi`` above this process, None where there is none or it can't be inspected."""
    try:
        for process in psutil.Process().parents():
            program, *arguments = process.cmdline() or [""]
            if "pulumi" in (process.name(), os.path.basename(program)):  # noqa: PTH119 - may be empty
                return PulumiCommand(process.exe(), arguments, process.cwd())
    except (psutil.Error, OSError):
        pass
    return None


def state_of(exported: Any) -> StackState:
    """Return what `pulumi stack export` prints. Raises ValueError for anything else."""
    try:
        resources = exported["deployment"].get("resources") or []
        customers = [each for each in resources if each["type"] in (DYNAMIC_TYPE, PLUGIN_TYPE)]
        return StackState(
            tuple(_managed(each) for each in customers if not each.get("external")),
            tuple(each["urn"] for each in resources if each["type"] in _PROVIDERS),
        )
    except (AttributeError, KeyError, TypeError):
        raise ValueError("isn't an exported stack") from None


def _managed(resource: Mapping[str, Any]) -> Managed:
    outputs = resource.get("outputs") or {}
    provider, _, _ = resource.get("provider", "").rpartition("::")
    return Managed(
        urn=resource["urn"],
        shortname=resource.get("id", ""),
        customer_id=_text(outputs.get("customerId")),
        parent=_text(outputs.get("parent")),
        provider=provider,
        protected=outputs.get("deletionProtection") is not False,
        leaving=bool(resource.get("delete") or resource.get("pendingReplacement")),
    )


def _text(value: object) -> str | None:
    """A value that the state keeps encrypted is a map."""
    return value if isinstance(value, str) else None
