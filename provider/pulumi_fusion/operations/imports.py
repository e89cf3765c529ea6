"""One warning for all imports of a run, shown at its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pulumi_fusion.documentation import more
from pulumi_fusion.forking import Lock

__all__ = ["Imports"]

_NAMED: Final = 3
"""How many shortnames the sentence names."""


class Imports:
    """The customers that a run imported, and what the service does not show of them. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shortnames: dict[str, None] = {}
        self._not_shown: dict[str, None] = {}

    def add(self, shortname: str, not_shown: Iterable[str]) -> None:
        """Note an import and the labels of the fields that the service does not show of the customer."""
        with self._lock:
            self._shortnames[shortname] = None
            self._not_shown.update(dict.fromkeys(not_shown))

    def summary(self) -> str | None:
        """Return the sentence about all imports since the last call, or None if there were none."""
        with self._lock:
            shortnames, not_shown = sorted(self._shortnames), list(self._not_shown)
            self._shortnames.clear()
            self._not_shown.clear()
        if not shortnames:
            return None
        names = ", ".join(shortnames[:_NAMED]) + (", ..." if len(shortnames) > _NAMED else "")
        count = "1 customer was" if len(shortnames) == 1 else f"{len(shortnames)} customers were"
        return (
            f"{count} imported ({names}). The service does not show {', '.join(not_shown)}, so generated code has "
            "blanks for these. State them in the program as they are: that alone sends nothing to the service. "
            + more("import-and-adopt", "fields-that-the-service-doesnt-return")
        )
