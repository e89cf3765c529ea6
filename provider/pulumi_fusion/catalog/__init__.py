"""The catalog: the customers of an account in a reviewed file, ``customers.yaml``.

A program reads it with :func:`read`. The commands ``pulumi-fusion catalog`` check it and compare it with the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_fusion.catalog.program import CatalogError, Customers, read

__all__ = ["CatalogError", "Customers", "read"]


def __getattr__(name: str) -> object:
    # The commands import this package without Pulumi.
    if name in __all__:
        from pulumi_fusion.catalog import program

        return getattr(program, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
