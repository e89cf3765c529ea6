"""Find the Pulumi command that started this provider: its options, and the state and configuration of its stack.

The provider protocol has none of them. Without them a provider can't distinguish a renamed resource from a removed one,
see :mod:`pulumi_fusion.customer.stack`, and the configuration that a destroy passes may be outdated.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import psutil

from pulumi_fusion.customer.stack import DYNAMIC_TYPE, PLUGIN_TYPE, Command, Managed, StackState

__all__ = ["PulumiCommand", "find", "state_of"]

# Options of the CLI that take a value: those with a letter, by that letter, and those without one.
_LETTERS: Final = {
    "C": "--cwd", "c": "--config", "m": "--message", "p": "--parallel", "s": "--stack", "t": "--target",
    "v": "--verbose", "x": "--exclude",
}  # fmt: skip
_WITH_VALUE: Final = frozenset(_LETTERS.values()) | frozenset(
    f"--{name}"
    for name in [
        "client",
        "color",
        "config-file",
        "event-log",
        "exec-agent",
        "exec-kind",
        "import-file",
        "memprofilerate",
        "otel-traces",
        "plan",
        "policy-pack",
        "policy-pack-config",
        "profiling",
        "replace",
        "save-plan",
        "secrets-provider",
        "target-replace",
        "tracing",
        "tracing-header",
    ]
)
_PROVIDERS: Final = ("pulumi:providers:fusion", "pulumi:providers:pulumi-python")
_DESTROYING: Final = frozenset({"destroy", "down", "dn"})
# --target, --target-dependents, --target-replace, --exclude, --exclude-dependents.
_LIMITING: Final = ("--target", "--exclude")
# https://www.pulumi.com/docs/iac/cli/environment-variables/: every option of the CLI has such a variable.
_LIMITING_VARIABLES: Final = ("PULUMI_OPTION_TARGET", "PULUMI_OPTION_EXCLUDE")
_MISSING_VARIABLES: Final = ("PULUMI_CONTINUE_ON_ERROR", "PULUMI_OPTION_CONTINUE_ON_ERROR", "PULUMI_SKIP_CHECKPOINTS")
_STACK_VARIABLES: Final = ("PULUMI_OPTION_STACK", "PULUMI_OPTION_CONFIG_FILE")
_OFF: Final = frozenset({"", "0", "f", "false"})


@dataclass(frozen=True)
class PulumiCommand:
    """A running ``pulumi``: its program, its arguments without the program, and its working directory."""

    program: str
    arguments: Sequence[str]
    folder: str

    @cached_property
    def _options(self) -> list[tuple[str, str]]:
        return list(_options(self.arguments))

    @property
    def verb(self) -> str:
        """The first argument that isn't an option, such as ``up``."""
        return next((value for name, value in self._options if not name), "")

    def summary(self, environ: Mapping[str, str]) -> Command:
        """Return a summary of its options."""
        names = [name for name, _ in self._options]
        return Command(
            imports=self.verb == "import",
            destroys=self.verb in _DESTROYING,
            is_limited=any(name.startswith(_LIMITING) for name in names)
            or any(value for name, value in environ.items() if name.startswith(_LIMITING_VARIABLES)),
            targets=frozenset(self._values("--target")),
            may_miss=any(value not in _OFF or not value for value in self._values("--continue-on-error"))
            or any(environ.get(name, "false").lower() not in _OFF for name in _MISSING_VARIABLES),
        )

    def _values(self, name: str) -> list[str]:
        return [value for each, value in self._options if each == name]

    def state(self, seconds: float) -> StackState | None:
        """Return the current state of its stack, or None if it can't be read within so many seconds.

        `pulumi stack export` takes no lock, decrypts nothing and needs no passphrase.
        """
        try:
            return state_of(self._output(seconds, "stack", "export"))
        except (OSError, subprocess.SubprocessError, ValueError):
            return None

    def configuration(self, seconds: float) -> dict[str, str | None] | None:
        """Return the current configuration of its stack, or None if it can't be read within so many seconds.

        The values of secrets are None: `pulumi config` decrypts nothing and needs no passphrase.
        """
        file = [f"--config-file={each}" for each in self._values("--config-file")[-1:]]
        try:
            values = self._output(seconds, "config", "--json", *file)
            return {key: _text(each.get("value")) for key, each in values.items()}
        except (OSError, subprocess.SubprocessError, ValueError, AttributeError):
            return None

    def _output(self, seconds: float, *arguments: str) -> Any:
        """Return the JSON that a command about the same stack prints. Raises OSError, SubprocessError, ValueError."""
        stack = [f"--stack={each}" for each in self._values("--stack")[-1:]]
        # Of the options for the running command, only those about the stack apply to this one.
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PULUMI_OPTION_") or name in _STACK_VARIABLES
        }
        done = subprocess.run(  # noqa: S603 - the program that started this process
            [self.program, *arguments, "--non-interactive", *stack],
            cwd=self.folder,
            env={**kept, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=True,
        )
        return json.loads(done.stdout)


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield long names and values as the CLI parses them (https://pkg.go.dev/github.com/spf13/pflag).

    An argument that isn't an option has the name "". Letters may be combined: ``-yft URN`` is ``-y -f -t URN``. The
    value of an option that isn't listed here is yielded as a separate argument.
    """
    following = iter(arguments)
    for argument in following:
        if argument.startswith("--"):
            name, has_value, value = argument.partition("=")
            yield name, value if has_value or name not in _WITH_VALUE else next(following, "")
        elif argument.startswith("-") and len(argument) > 1:
            yield from _letters(argument[1:], following)
        else:
            yield "", argument


def _letters(letters: str, following: Iterator[str]) -> Iterator[tuple[str, str]]:
    for position, letter in enumerate(letters, 1):
        if letter in _LETTERS:
            yield _LETTERS[letter], letters[position:].removeprefix("=") or next(following, "")
            return
        yield f"-{letter}", ""


def find() -> PulumiCommand | None:
    """Return the nearest ancestor of this process that is ``pulumi``, or None, also if it can't be inspected."""
    try:
        for process in psutil.Process().parents():
            program, *arguments = process.cmdline() or [""]
            if "pulumi" in (process.name(), os.path.basename(program)):  # noqa: PTH119 - may be empty
                return PulumiCommand(process.exe(), arguments, process.cwd())
    except (psutil.Error, OSError):
        pass
    return None


def state_of(exported: Any) -> StackState:
    """Parse the output of `pulumi stack export`. Raises ValueError for anything else."""
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
        pending_delete=bool(resource.get("delete") or resource.get("pendingReplacement")),
        kept=bool(resource.get("retainOnDelete") or resource.get("protect")),
    )


def _text(value: object) -> str | None:
    """Return a text, or None for any other value: an encrypted one is a map."""
    return value if isinstance(value, str) else None
