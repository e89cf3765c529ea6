"""The floor of the dynamic provider: a resource of the same shape whose provider does nothing.

It is in a module, like the real one: Pulumi pickles a class in the program by its code, and one in a module by its
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import dynamic

from tests.benchmarks.speed.customers import OUTPUTS

__all__ = ["Empty", "EmptyProvider"]


class EmptyProvider(dynamic.ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(props["shortname"], {**props, **OUTPUTS})

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult({**_news, **OUTPUTS})


class Empty(dynamic.Resource, module="empty", name="Customer"):
    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(EmptyProvider(), name, {**fields, **dict.fromkeys(OUTPUTS)})
