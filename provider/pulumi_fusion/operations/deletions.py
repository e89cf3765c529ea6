"""Limit how many customers a run deletes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import TooManyDeletes
from pulumi_fusion.forking import Lock

__all__ = ["NO_LIMIT", "Deletions", "Limit"]

# Seconds between two checks of whether a deletion in progress has used its place.
_POLL: Final = 0.1


class Limit(NamedTuple):
    """How many customers a run may delete, None for any number, and the source of that setting."""

    most: int | None
    source: str


NO_LIMIT: Final = Limit(None, "")


class Deletions:
    """The deletions of a run. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._in_progress = 0
        self._deleted = 0
        self._unknown = 0

    @contextmanager
    def reserve(self, limit: Limit, deadline: Deadline) -> Iterator[Callable[[], None]]:
        """Reserve a place for one deletion, and yield a function that notes that the service may have processed it.

        Without that note the place is free again afterwards. While deletions in progress have all remaining places,
        this waits for their end.

        Args:
            limit: The limit. Without one nothing is counted.
            deadline: The end of the operation.

        Raises:
            TooManyDeletes: The deletion would exceed the limit.
            Cancelled, DeadlineExceeded: The wait was interrupted.
        """
        if limit.most is None:
            yield lambda: None
            return
        while not self._try_to_reserve(limit.most, limit.source):
            deadline.wait(_POLL, "wait for other deletions")
        sent: list[bool] = []
        try:
            yield lambda: sent.append(True)
        except BaseException:
            self._release(unknown=bool(sent))
            raise
        self._release(deleted=bool(sent))

    def _try_to_reserve(self, most: int, source: str) -> bool:
        """Return whether a place was reserved; False while another deletion may still give one back."""
        with self._lock:
            if self._deleted + self._unknown >= most:
                raise _refused(most, source, self._deleted, self._unknown)
            is_free = self._deleted + self._unknown + self._in_progress < most
            self._in_progress += is_free
            return is_free

    def _release(self, *, deleted: bool = False, unknown: bool = False) -> None:
        with self._lock:
            self._in_progress -= 1
            self._deleted += deleted
            self._unknown += unknown


def _refused(most: int, source: str, deleted: int, unknown: int) -> TooManyDeletes:
    allowed = f"{most} deletion{'' if most == 1 else 's'}" if most else "no deletion"
    may_have = f", and may have deleted {unknown} more" if unknown else ""
    return TooManyDeletes(
        "delete the customer",
        f"{source} allows {allowed} in one run, and this run has already deleted {deleted}{may_have}",
        next_step="Nothing was sent for this customer. Check in a preview what would be deleted. If all of it is "
        "intended, allow more with fusion:maxDeletes or FUSION_MAX_DELETES and run it again.",
    )
