"""Programs as values: they can be edited, run by the engine in this process, and printed as Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

import pulumi

from pulumi_fusion import Customer
from pulumi_fusion.customer.names import state_key
from pulumi_fusion.dynamic import INPUTS

PROJECT: Final = "machine"
GROUP: Final = "machine:index:Group"
Frontend = Literal["plugin", "dynamic"]
TYPES: Final[Mapping[str, str]] = {
    "plugin": "fusion:index:Customer",
    "dynamic": "pulumi-python:dynamic/fusion:Customer",
}
_PYTHON_NAMES: Final = {state_key(name): name for name in INPUTS}


class Place(NamedTuple):
    """What the engine knows a resource by: another place is another resource, unless an alias joins them."""

    frontend: Frontend
    name: str
    grouped: bool = False

    def urn(self, stack: str) -> str:
        parents = f"{GROUP}$" if self.grouped else ""
        return f"urn:pulumi:{stack}::{PROJECT}::{parents}{TYPES[self.frontend]}::{self.name}"

    def alias(self, group: pulumi.Resource | None) -> pulumi.Alias:
        parent: Any = group if self.grouped else pulumi.ROOT_STACK_RESOURCE
        return pulumi.Alias(name=self.name, type_=TYPES[self.frontend], parent=parent)

    def __str__(self) -> str:
        parent = "group" if self.grouped else "pulumi.ROOT_STACK_RESOURCE"
        return f"pulumi.Alias(name={self.name!r}, type_={TYPES[self.frontend]!r}, parent={parent})"


@dataclass(frozen=True)
class Declared:
    """One customer of a program. ``fields`` are by the keys of the state, without the shortname."""

    place: Place
    shortname: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Resource options by their names in Python; only those that are set."""
    aliases: tuple[Place, ...] = ()
    explicit: bool = False
    """Whether it names an explicit provider."""

    def with_fields(self, **fields: Any) -> Declared:
        """The same with fields changed; None removes one."""
        merged = {**self.fields, **fields}
        return replace(self, fields={key: value for key, value in merged.items() if value is not None})

    def with_options(self, **options: Any) -> Declared:
        """The same with options changed; None removes one."""
        merged = {**self.options, **options}
        return replace(self, options={key: value for key, value in merged.items() if value is not None})

    @property
    def inputs(self) -> dict[str, Any]:
        """Return the properties of the customer in the program, by the keys of the state."""
        return {
            "email": f"admin@{self.shortname}.example.com",
            "givenName": "Skippy",
            "familyName": "Longbottom",
            "organization": f"{self.shortname} Inc.",
            "shortname": self.shortname,
            "type": "SLG",
            "status": "Active",
            "dataRetention": 90,
            "rollupRetention": 180,
            "deletionProtection": False,
            **self.fields,
        }

    def register(self, group: pulumi.Resource | None, provider: pulumi.ProviderResource | None) -> None:
        """Declare it in the running program."""
        options = pulumi.ResourceOptions(
            parent=group if self.place.grouped else None,
            provider=provider if self.explicit else None,
            aliases=[place.alias(group) for place in self.aliases],
            **self.options,
        )
        if self.place.frontend == "plugin":
            pulumi.CustomResource(TYPES["plugin"], self.place.name, dict(self.inputs), options)
        else:
            named = {_PYTHON_NAMES[key]: value for key, value in self.inputs.items()}
            Customer(self.place.name, **named, opts=options)

    def source(self) -> str:
        """The lines of Python that declare it."""
        options = [f"{key}={value!r}" for key, value in self.options.items()]
        if self.place.grouped:
            options.append("parent=group")
        if self.explicit:
            options.append("provider=explicit")
        if self.aliases:
            options.append(f"aliases=[{', '.join(map(str, self.aliases))}]")
        arguments = [repr(self.place.name), f"shortname={self.shortname!r}"]
        arguments += [f"{key}={value!r}" for key, value in self.fields.items()]
        if options:
            arguments.append(f"opts=pulumi.ResourceOptions({', '.join(options)})")
        return f"{self.place.frontend}.Customer({', '.join(arguments)})"


Program = tuple[Declared, ...]


def run(program: Program) -> None:
    """Declare all of it: the engine's inline program."""
    group = pulumi.ComponentResource(GROUP, "group") if needs_group(program) else None
    explicit = pulumi.ProviderResource("fusion", "explicit", {}) if any(each.explicit for each in program) else None
    for declared in program:
        declared.register(group, explicit)


def needs_group(program: Program) -> bool:
    """Whether a component is declared."""
    return any(place.grouped for each in program for place in (each.place, *each.aliases))


def source(program: Program) -> str:
    """The program as a person would write it. Fields that all customers share are left out."""
    lines = [each.source() for each in program]
    if any(each.explicit for each in program):
        lines.insert(0, "explicit = pulumi.ProviderResource('fusion', 'explicit', {})")
    if needs_group(program):
        lines.insert(0, f"group = pulumi.ComponentResource({GROUP!r}, 'group')")
    return "\n".join(lines) or "pass  # an empty program"
