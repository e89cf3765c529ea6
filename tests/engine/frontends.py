"""A stack of either frontend, whose program takes resource options and components from a JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fusion_emulator import Emulator
from tests.engine.stack import Stack, a_customer, in_schema

_PROGRAM: Final = """
import json
import pulumi

class Region(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Region", name)

{declare}

regions = {{}}
for name, fields in json.load(open("customers.json")).items():
    options = fields.pop("options", {{}})
    name = options.pop("name", name)
    if "region" in options:
        region = options.pop("region")
        options["parent"] = regions.setdefault(region, None) or Region(region)
        regions[region] = options["parent"]
    customer = Customer(name, fields, pulumi.ResourceOptions(**options))
"""

_DYNAMIC: Final = """
import pulumi_fusion

def Customer(name, fields, opts):
    return pulumi_fusion.Customer(name, **fields, opts=opts)
"""

_PLUGIN: Final = """
class Customer(pulumi.CustomResource):
    def __init__(self, name, fields, opts):
        super().__init__("fusion:index:Customer", name, {"customerId": None, **fields}, opts)
"""

FRONTENDS: Final = ("dynamic", "plugin")


@dataclass(frozen=True)
class Frontend:
    """One frontend, ``dynamic`` or ``plugin``: its type, and how it spells a field."""

    name: str

    @property
    def type(self) -> str:
        return "fusion:index:Customer" if self.name == "plugin" else "pulumi-python:dynamic/fusion:Customer"

    def customer(self, shortname: str, *, options: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """Fields of a valid customer as the program of this frontend takes them, with resource options."""
        declared = a_customer(shortname, **fields)
        spelled = in_schema(declared) if self.name == "plugin" else declared
        return {**spelled, **({"options": dict(options)} if options else {})}

    def stack(self, folder: Path, emulator: Emulator, **environ: str) -> Stack:
        """A stack whose credential is the emulator's, from the environment."""
        declare = _PLUGIN if self.name == "plugin" else _DYNAMIC
        return Stack(
            folder,
            {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url, **environ},
            program=_PROGRAM.format(declare=declare),
            kind=self.type.removeprefix("pulumi-python:dynamic/"),
        )
