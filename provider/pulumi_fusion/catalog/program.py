"""Declare the customers of a catalog in a Pulumi program.

A program applies no rules: the provider checks each customer at preview, and ``pulumi-fusion catalog validate`` all of
them before. The rules need the models, whose import takes a tenth of a second.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

import pulumi

from pulumi_fusion.catalog.entries import Catalog, is_csv
from pulumi_fusion.catalog.findings import Finding
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.dynamic import INPUTS, Customer

__all__ = ["CatalogError", "Customers", "read"]

R = TypeVar("R")
Fields = Mapping[str, Any]

SHOWN = 20
"""Problems in the text of an error. The command shows all."""


class CatalogError(pulumi.RunError):
    """The catalog has another structure, or lacks a required field. Pulumi shows its text without a traceback.

    Args:
        path: The file.
        findings: The problems.
    """

    def __init__(self, path: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        lines = [str(each) for each in self.findings[:SHOWN]]
        if len(self.findings) > SHOWN:
            lines.append(f"and {len(self.findings) - SHOWN} more")
        super().__init__(
            f"The catalog {path} has problems. Nothing was sent. Correct these places and run it again; "
            "`pulumi-fusion catalog validate` finds more, and needs no network:\n" + "\n".join(lines)
        )


class Customers(Mapping[str, Fields]):
    """The customers of a catalog: the fields of each one by Python name, by shortname."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._fields = {entry.shortname: catalog.fields(entry) for entry in catalog.entries}

    def __getitem__(self, shortname: str) -> Fields:
        return self._fields[shortname]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    @overload
    def declare(
        self,
        *,
        options: Callable[[Fields], pulumi.ResourceOptions | None] | None = None,
        defaults: Mapping[str, pulumi.Input[Any]] | None = None,
    ) -> dict[str, Customer]: ...

    @overload
    def declare(
        self,
        resource: Callable[..., R],
        *,
        options: Callable[[Fields], pulumi.ResourceOptions | None] | None = None,
        defaults: Mapping[str, pulumi.Input[Any]] | None = None,
    ) -> dict[str, R]: ...

    def declare(
        self,
        resource: Callable[..., Any] = Customer,
        *,
        options: Callable[[Fields], pulumi.ResourceOptions | None] | None = None,
        defaults: Mapping[str, pulumi.Input[Any]] | None = None,
    ) -> dict[str, Any]:
        """Declare a resource for each customer, and return the resources by shortname, which is their name, too.

        Args:
            resource: The class of the resource. That of a generated SDK uses the plugin.
            options: Returns the resource options for the fields of a customer.
            defaults: Values for fields that the file doesn't set, by Python name, such as secrets. None is unset.

        Raises CatalogError if a customer lacks a required field.
        """
        given = {name: value for name, value in (defaults or {}).items() if value is not None}
        if missing := [*self._missing(given)]:
            raise CatalogError(self._catalog.path, missing)
        return {
            shortname: resource(shortname, **{**given, **fields}, opts=options(fields) if options else None)
            for shortname, fields in self._fields.items()
        }

    def _missing(self, given: Mapping[str, Any]) -> Iterator[Finding]:
        for entry in self._catalog.entries:
            for name in _REQUIRED:
                if name not in self._fields[entry.shortname] and name not in given:
                    yield self._catalog.missing(entry, name)


_REQUIRED = [
    name
    for name, parameter in inspect.signature(Customer.__init__).parameters.items()
    if name in INPUTS and parameter.default is parameter.empty
]


def read(path: str | os.PathLike[str]) -> Customers:
    """Return the customers of a catalog.

    Raises:
        CatalogError: The structure of the file is wrong: keys that are unknown or there twice, ambiguous values. It has
            every such problem.
        pulumi.RunError: The file can't be opened, or is CSV.
    """
    file = os.fspath(path)
    if is_csv(file):
        raise pulumi.RunError(
            f"A program reads a catalog in YAML, not {file}. Nothing was sent. `pulumi-fusion catalog convert` makes "
            "one of a spreadsheet."
        )
    try:
        catalog, findings = load(file, INPUTS)
    except OSError as failure:
        raise pulumi.RunError(f"Could not read the catalog {file}: {failure.strerror}. Nothing was sent.") from None
    if findings:
        raise CatalogError(file, findings)
    return Customers(catalog)
