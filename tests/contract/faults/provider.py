"""The dynamic provider as the engine's SDK calls it, with hooks for a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulumi_fusion import dynamic
from pulumi_fusion.settings import Settings


class Provider(dynamic.CustomerProvider):
    """The provider with other warnings, and a client that calls ``before_get`` before each GET of a customer."""

    def __init__(self, warn: Callable[[str], object], before_get: Callable[[], None]) -> None:
        self._warn = warn
        self._before_get = before_get

    def connect(self, settings: Settings) -> Any:
        return _Watched(super().connect(settings), self._before_get)

    def warn(self, text: str) -> None:
        self._warn(text)


class _Watched:
    """A client that calls ``before_get`` before each GET of a customer."""

    def __init__(self, service: Any, before_get: Callable[[], None]) -> None:
        self._service = service
        self._before_get = before_get

    def within(self, deadline: object) -> _Watched:
        return _Watched(self._service.within(deadline), self._before_get)

    def get_customer(self, shortname: str) -> Any:
        self._before_get()
        return self._service.get_customer(shortname)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


def as_stored(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs as the engine keeps them: with the pickled provider."""
    return {**as_sent(outputs), "__provider": "pickled"}


def as_sent(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties as they come out of the engine: numbers are doubles, and what is null is not there."""
    return {
        key: float(value) if type(value) is int else value for key, value in properties.items() if value is not None
    }
