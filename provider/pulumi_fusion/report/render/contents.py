"""What every format of a report shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi_fusion.report.plan import Plan
from pulumi_fusion.report.warnings import PlanWarning

__all__ = ["Contents"]


@dataclass(frozen=True)
class Contents:
    """What a report shows.

    Args:
        plan: The plan, without the first admins unless they are to be shown.
        warnings: What a reviewer must not overlook.
        digest: The digest of the plan, None if the plan is incomplete.
        refused: A sentence for each limit that the plan exceeds.
    """

    plan: Plan
    warnings: Sequence[PlanWarning]
    digest: str | None
    refused: Sequence[str] = ()
