"""The failures of a check and the differences of a diff, as messages of the protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.errors import presentable
from pulumi_fusion.plugin.protocol import provider_pb2

__all__ = ["difference", "failures", "kind"]


def failures(found: Iterable[Failure]) -> list[provider_pb2.CheckFailure]:
    """Return the failures of a check."""
    return [provider_pb2.CheckFailure(property=each.property, reason=presentable(each.reason)) for each in found]


_Kind = provider_pb2.PropertyDiff


def kind(old: Any, new: Any, *, replaces: bool) -> provider_pb2.PropertyDiff.Kind.ValueType:
    """Return the kind of a difference between two values, None being no value."""
    if old is None:
        return _Kind.ADD_REPLACE if replaces else _Kind.ADD
    if new is None:
        return _Kind.DELETE_REPLACE if replaces else _Kind.DELETE
    return _Kind.UPDATE_REPLACE if replaces else _Kind.UPDATE


_REPLACING: Final = frozenset({_Kind.ADD_REPLACE, _Kind.DELETE_REPLACE, _Kind.UPDATE_REPLACE})


def difference(
    kinds: Mapping[str, provider_pb2.PropertyDiff.Kind.ValueType], inputs: Collection[str]
) -> provider_pb2.DiffResponse:
    """Return the response of a diff. ``inputs`` are the keys whose inputs differ, and not only the state."""
    some = provider_pb2.DiffResponse.DIFF_SOME if kinds else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some,
        diffs=list(kinds),
        replaces=[key for key, kind in kinds.items() if kind in _REPLACING],
        detailedDiff={
            key: provider_pb2.PropertyDiff(kind=kind, inputDiff=key in inputs) for key, kind in kinds.items()
        },
        hasDetailedDiff=True,
    )
