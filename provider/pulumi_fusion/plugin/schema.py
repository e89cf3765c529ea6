"""The schema of the package, derived from the fields in customer/model.py.

https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pulumi_fusion.customer.model import FIELDS, OUTPUTS, Kind, State, value_type
from pulumi_fusion.customer.names import MEANINGS, CustomerStatus, CustomerType, label, state_key
from pulumi_fusion.plugin.version import plugin_version

__all__ = ["CUSTOMER", "FILTERS", "SETTINGS", "VERSION", "as_json", "package"]

CUSTOMER: Final = "fusion:index:Customer"
GET_CUSTOMER: Final = "fusion:index:getCustomer"
GET_CUSTOMERS: Final = "fusion:index:getCustomers"
GET_CUSTOMER_TYPES: Final = "fusion:index:getCustomerTypes"

VERSION: Final = plugin_version()

NAMESPACE: Final = "pulumi-fusion"
"""The owner of the package. Without one, the CLI uses the owner of the repository for SDKs that it generates from one,
and Pulumi's own name for all others (packages.go, setSpecNamespace), so one program could not use both."""

GO_PACKAGE: Final = "example.com/pulumi-fusion/sdk/go/fusion"
"""The import path of the SDK for Go, which is generated into each project and found by a `replace` line. The host is
reserved for examples (RFC 2606): without that line, Go fails instead of fetching the code of another project."""

LOGO: Final = "https://api.nuget.org/v3-flatcontainer/pulumi/3.76.1/icon"
"""The logo in every generated C# SDK. The generator downloads it and fails if it can't (gen.go, getLogo), so it is on
the host that C# projects download their packages from."""

_TYPES: Final = {str: "string", int: "integer", bool: "boolean"}

_ENUMS: Final[Mapping[str, type[Enum]]] = {"status": CustomerStatus, "type": CustomerType}
# The service may list further types, so a program may use other texts than those of the enum.
_OPEN_ENUMS: Final = frozenset({"type"})

SETTINGS: Final[Mapping[str, tuple[str, str]]] = {
    "netosecret": (
        "string",
        "The API credential as the portal shows it (base64). If it is not set, it is read from the environment "
        "variable `NETOSECRET` or from the file named by `FUSION_NETOSECRET_FILE`, and never written to the state.",
    ),
    "apiUrl": (
        "string",
        "The URL of the service, if it isn't the one in the credential; https, or http for loopback. Environment "
        "variable: `FUSION_API_URL`.",
    ),
    "account": (
        "string",
        "Shortname of the sub-account to work in: customers are created below it. Environment variable: "
        "`FUSION_ACCOUNT`. Default: the credential's own account.",
    ),
    "preflight": (
        "string",
        "Whether a preview checks the credential and the shortname with the service: `auto`, `off` or "
        "`required`. Environment variable: `FUSION_PREFLIGHT`. Default: `auto`.",
    ),
    "deadline": (
        "number",
        "Seconds that one operation may take, 1 to 3600; `customTimeouts` of a resource take precedence. "
        "Environment variable: `FUSION_DEADLINE`. Default: 300.",
    ),
    "maxDeletes": (
        "integer",
        "How many customers one run may delete, replacements included; a further deletion is refused. Environment "
        "variable: `FUSION_MAX_DELETES`. Default: any number.",
    ),
}

_IN_RECORD: Final = [name for name, spec in {**FIELDS, **OUTPUTS}.items() if spec.shown]
"""The fields that a record of the service has."""

_ALWAYS_SHOWN: Final = [name for name in _IN_RECORD if name in FIELDS and FIELDS[name].always_shown]

_CHILDREN: Final = {"type": "integer", "description": "Number of its own customers, if the service shows it."}

FILTERS: Final = ("parent", *(name for name in _ALWAYS_SHOWN if name != "shortname"))
"""The names of the fields by which a list of customers can be filtered."""


def _property(name: str, description: str | None = None, *, as_input: bool = False) -> dict[str, Any]:
    """Return the schema of one field; ``as_input`` adds its enum and whether a change replaces."""
    made: dict[str, Any] = {
        "type": _TYPES[value_type(name)],
        "description": description or State.model_fields[name].description,
    }
    if as_input and name in _ENUMS:
        reference = {"type": "string", "$ref": f"#/types/fusion:index:{_ENUMS[name].__name__}"}
        made |= {"oneOf": [{"type": "string"}, reference]} if name in _OPEN_ENUMS else reference
    if as_input and FIELDS[name].kind is Kind.REPLACE:
        made["replaceOnChanges"] = True
    return made


def _properties(names: Iterable[str], **how: Any) -> dict[str, Any]:
    return {state_key(name): _property(name, **how) for name in names}


def _enum(kind: type[Enum]) -> dict[str, Any]:
    return {
        "type": "string",
        "description": (kind.__doc__ or "").strip(),
        "enum": [
            {"name": "".join(word[0].upper() + word[1:] for word in each.value.split()), "value": each.value}
            | {"description": MEANINGS[each.value]}
            for each in kind
        ],
    }


def _settings() -> dict[str, Any]:
    return {
        key: {"type": kind, "description": meaning, **({"secret": True} if key == "netosecret" else {})}
        for key, (kind, meaning) in SETTINGS.items()
    }


def _filters() -> dict[str, Any]:
    # Only plain types become flags of `pulumi do`, so enums are not used here.
    return {state_key(name): _property(name, f"Only customers with this {label(name)}.") for name in FILTERS}


def _functions() -> dict[str, Any]:
    of_account = {**_properties(_IN_RECORD), "children": _CHILDREN}
    return {
        GET_CUSTOMER: {
            "description": "Returns one customer by its shortname, as the service shows it; fails if there is none.",
            "inputs": {
                "properties": {"shortname": _property("shortname", "The customer's key in Fusion.")},
                "required": ["shortname"],
            },
            "outputs": {"properties": of_account, "required": ["shortname"]},
        },
        GET_CUSTOMERS: {
            "description": "Returns the customers of the account, sorted by shortname; at most 1000, which is the "
            "limit of the service. Filters are combined; without any, all customers are returned.",
            "inputs": {"properties": _filters()},
            "outputs": {
                "properties": {
                    "customers": {
                        "type": "array",
                        "items": {"$ref": "#/types/fusion:index:Account"},
                        "description": "The customers found.",
                    }
                },
                "required": ["customers"],
            },
        },
        GET_CUSTOMER_TYPES: {
            "description": "Returns the account types that the service offers: the value that is sent, and its label.",
            "outputs": {
                "properties": {
                    "types": {
                        "type": "array",
                        "items": {"$ref": "#/types/fusion:index:AccountType"},
                        "description": "The types.",
                    }
                },
                "required": ["types"],
            },
        },
    }


def package() -> dict[str, Any]:
    """Return the schema."""
    return {
        "name": "fusion",
        "namespace": NAMESPACE,
        "displayName": "Netography Fusion",
        "version": VERSION,
        "description": "The customers (tenants) of Netography Fusion, now Vectra Fusion.",
        "keywords": ["pulumi", "netography", "fusion", "vectra", "category/network", "kind/native"],
        "license": "Apache-2.0",
        "publisher": "pulumi-fusion",
        "logoUrl": LOGO,
        # There is no "repository" or "pluginDownloadURL", since nothing is published yet.
        "meta": {"moduleFormat": "(.*)", "supportPack": True},
        # Each name is set here, so that it doesn't depend on how a generator derives it from the namespace.
        "language": {
            # `pulumi_fusion` is the package of this provider, which has another Customer.
            "python": {
                "packageName": "pulumi_fusion_sdk",
                "pyproject": {"enabled": True},
                "respectSchemaVersion": True,
            },
            "nodejs": {"packageName": f"@{NAMESPACE}/fusion", "respectSchemaVersion": True},
            "go": {
                "importBasePath": GO_PACKAGE,
                "respectSchemaVersion": True,
                "generateResourceContainerTypes": True,
            },
            "csharp": {"rootNamespace": "PulumiFusion", "respectSchemaVersion": True},
            "java": {"basePackage": "pulumifusion"},
        },
        "config": {"variables": _settings()},
        "provider": {
            "description": "One account of Fusion. A program may use several providers, each for another account.",
            "inputProperties": _settings(),
        },
        "types": {
            **{f"fusion:index:{kind.__name__}": _enum(kind) for kind in _ENUMS.values()},
            "fusion:index:Account": {
                "type": "object",
                "description": "A customer as the service shows it; what it does not show is missing.",
                "properties": {**_properties(_IN_RECORD), "children": _CHILDREN},
                "required": ["shortname"],
            },
            "fusion:index:AccountType": {
                "type": "object",
                "description": "An account type that the service lists.",
                "properties": {
                    "value": {"type": "string", "description": "Its value in the API."},
                    "label": {"type": "string", "description": "Its label in the form."},
                    "description": {"type": "string", "description": "Its description by the service."},
                },
                "required": ["value"],
            },
        },
        "resources": {
            CUSTOMER: {
                "description": files(__package__).joinpath("customer.md").read_text(encoding="utf-8"),
                "inputProperties": _properties(FIELDS, as_input=True),
                "requiredInputs": [state_key(name) for name, spec in FIELDS.items() if spec.required],
                "properties": _properties(State.model_fields),
                # What the service does not show is missing after an import, until the next update.
                "required": [state_key(name) for name in (*_ALWAYS_SHOWN, "customer_id")],
                "listInputs": {"properties": _filters()},
            }
        },
        "functions": _functions(),
    }


@cache
def as_json() -> str:
    """Return the schema in the format of the engine."""
    return json.dumps(package())
