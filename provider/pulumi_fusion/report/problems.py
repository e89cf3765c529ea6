"""The problems of a run that failed, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pulumi_fusion.report.plan import Failure, Plan

__all__ = ["Problems", "is_place", "problems"]

# The lines of an error about a catalog.
_PLACE: Final = re.compile(r".+?:\d+:\d+: |and \d+ more$")


@dataclass(frozen=True)
class Problems:
    """What a report shows of a run that failed.

    Args:
        outcome: That there is no plan, and what to do: a text to follow "No plan: ".
        introduction: The texts before the places in a catalog, empty if there are none.
        failures: The problems without those texts.
    """

    outcome: str
    introduction: str
    failures: Sequence[Failure]


def is_place(line: str) -> bool:
    """Return whether a line of an error names a place in a catalog, or counts those that it left out."""
    return bool(_PLACE.match(line))


def problems(plan: Plan) -> Problems:
    """Return the problems of a plan that has failures."""
    after = [*plan.failures[1:], None]
    pairs = list(zip(plan.failures, after, strict=True))
    introductions = [each for each, following in pairs if _introduces(each, following)]
    others = [each for each, following in pairs if not _introduces(each, following)]
    failed = "the run failed, so the customers below may be incomplete." if plan.customers else "the run failed."
    if introductions and all(map(_is_place, others)):
        then = "Correct the catalog; the check Validate (pulumi-fusion catalog validate) names all problems."
    else:
        then = "Correct the problems, and run the preview again."
    return Problems(f"{failed} {then}", " ".join(each.reason for each in introductions), others)


def _is_place(failure: Failure) -> bool:
    return not failure.resource and not failure.property and is_place(failure.reason)


def _introduces(failure: Failure, following: Failure | None) -> bool:
    """Return whether a failure is the first line of an error about a catalog."""
    is_general = not failure.resource and not failure.property and not is_place(failure.reason)
    return is_general and following is not None and _is_place(following)
