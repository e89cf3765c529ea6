"""What an operation of a stack ended with, and what every error has to contain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pulumi_fusion.errors import FusionError, OutcomeUnknown

_SENTENCES: Final = re.compile(
    r"(?P<kind>[\w.]+): Could not (?P<operation>\w+ .+?) '(?P<shortname>[^']+)': (?P<came_back>.+?)\. (?P<next_step>.+)"
)
_ADOPT: Final = re.compile(r"""adopt=['"](?P<id>[^'"<>]+)['"]""")
# Every token of the service, and base64 of a JSON object in general, which the netosecret is.
_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True)
class Outcome:
    """The failures of the check, or the error and its text as the SDK sends it to the engine."""

    error: FusionError | None = None
    text: str = ""
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        return self.error is None and not self.failures

    @property
    def unknown(self) -> bool:
        """Return whether the error reports an unknown outcome."""
        return isinstance(self.error, OutcomeUnknown)

    @property
    def adopt(self) -> str | None:
        """Return the id that the error names for adoption."""
        found = _ADOPT.search(self.text)
        return found["id"] if found else None


@dataclass(frozen=True)
class Stored:
    """A resource in the state: its id, the inputs and outputs of the last operation that succeeded."""

    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


def require_helpful(text: str, verb: str, shortname: str, secrets: Iterable[str]) -> None:
    """Fail unless the error names the operation, the shortname, the reason and the next step, and no secret."""
    assert 'File "' not in text, text
    line = text.splitlines()[-1]
    parts = _SENTENCES.fullmatch(line)
    assert parts, f"names no operation, shortname, reason or next step: {text}"
    assert parts["operation"].startswith(verb), text
    assert parts["shortname"] == shortname, text
    for secret in secrets:
        assert secret not in text, "the error has a part of the credential"
    assert not _TOKEN.search(text), text
