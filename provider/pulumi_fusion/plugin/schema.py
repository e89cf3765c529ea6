"""The schema of the package, made from the models, so that it cannot say anything else than they do.

https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from importlib.resources import files
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from pulumi_fusion.customer.changes import KINDS, Kind
from pulumi_fusion.customer.model import OUTPUTS, CustomerStatus, CustomerType, Inputs, State, state_key
from pulumi_fusion.plugin.version import plugin_version

__all__ = ["CUSTOMER", "FILTERS", "FUNCTIONS", "SETTINGS", "VERSION", "as_json", "package"]

CUSTOMER: Final = "fusion:index:Customer"
GET_CUSTOMER: Final = "fusion:index:getCustomer"
GET_CUSTOMERS: Final = "fusion:index:getCustomers"
GET_CUSTOMER_TYPES: Final = "fusion:index:getCustomerTypes"
FUNCTIONS: Final = (GET_CUSTOMER, GET_CUSTOMERS, GET_CUSTOMER_TYPES)

VERSION: Final = plugin_version()

NAMESPACE: Final = "pulumi-fusion"
"""Whose package it is. Without one the CLI takes the owner of the repository for SDKs that it generates from there, and
Pulumi's own name for all others (packages.go, setSpecNamespace), so one program could not be built by both ways."""

GO_PACKAGE: Final = "example.com/pulumi-fusion/sdk/go/fusion"
"""Where Go programs import the SDK from. It is generated into each project and joined by a `replace` line. The host is
reserved for examples (RFC 2606): if that line is lost, Go fails instead of fetching another project's code."""

LOGO: Final = "https://api.nuget.org/v3-flatcontainer/pulumi/3.76.1/icon"
"""The logo in every generated C# SDK. The generator downloads it and fails if it cannot (gen.go, getLogo), so it comes
from the host that C# projects get their packages from anyway."""

_WORDS: Final[Mapping[str, type[Enum]]] = {"status": CustomerStatus, "type": CustomerType}
# The service may know further types by its own list, so theirs are offered and not demanded.
_OPEN: Final = frozenset({"type"})

_MEANINGS: Final[Mapping[str, str]] = {
    "Active": "It pays; deletion protection is on where the program does not say otherwise.",
    "Trial Active": "It tries; deletion protection is off where the program does not say otherwise.",
    "SLG": "A customer without accounts of its own.",
    "MSSP": "A customer that has customers of its own.",
    "customer": "The API's own word for a customer without accounts of its own.",
    "reseller": "The API's own word for a customer that has customers of its own.",
    "staff": "The API's own word for an internal account.",
}

SETTINGS: Final[Mapping[str, tuple[str, str]]] = {
    "netosecret": (
        "string",
        "The API credential as the portal shows it (base64). Read from the environment variable `NETOSECRET`, or from "
        "a file named by `FUSION_NETOSECRET_FILE`, where it is not set; from there it never enters the state.",
    ),
    "apiUrl": (
        "string",
        "The service's address, instead of the credential's own; https, or http on loopback. Environment variable: "
        "`FUSION_API_URL`.",
    ),
    "account": (
        "string",
        "Shortname of the sub-account to work in: customers are created below it. Environment variable: "
        "`FUSION_ACCOUNT`. Default: the credential's own account.",
    ),
    "preflight": (
        "string",
        "Whether a preview asks the service (does the credential work, is the shortname free): `auto`, `off` or "
        "`required`. Environment variable: `FUSION_PREFLIGHT`. Default: `auto`.",
    ),
    "deadline": (
        "number",
        "Seconds that one operation may take in all, 1 to 3600; `customTimeouts` of a resource counts first. "
        "Environment variable: `FUSION_DEADLINE`. Default: 300.",
    ),
}

# What the service shows of any account: the state of a customer without what only programs tell.
_ACCOUNT: Final = (
    "shortname",
    "customer_id",
    "organization",
    "type",
    "status",
    "data_retention",
    "rollup_retention",
    "contractual_flows_per_second",
    "ingest_ip",
    "ingest_port",
    "parent",
    "node",
)
_CHILDREN: Final = {"type": "integer", "description": "Number of its own customers, where the service tells it."}

_FILTERS: Final[Mapping[str, str]] = {
    "parent": "Only customers directly below this account, by its shortname.",
    "status": "Only customers of this status: Active or Trial Active.",
    "data_retention": "Only customers whose flow records are kept this many days.",
    "rollup_retention": "Only customers whose rollups are kept this many days.",
}

FILTERS: Final = tuple(_FILTERS)
"""What a list of customers can be asked for, by the names of the fields."""


def _type_of(annotation: Any) -> str:
    """The schema's word for the type of a field."""
    if get_origin(annotation) in (Union, UnionType):
        [annotation] = [each for each in get_args(annotation) if each is not NoneType]
    while get_origin(annotation) is not None:
        annotation = get_args(annotation)[0]
    return {str: "string", int: "integer", bool: "boolean"}[annotation]


def _property(name: str, description: str | None = None, *, as_input: bool = False) -> dict[str, Any]:
    """One property as the models have it; ``as_input`` offers words where a field has them."""
    field = Inputs.model_fields.get(name) or State.model_fields[name]
    made: dict[str, Any] = {"type": _type_of(field.annotation), "description": description or field.description}
    if as_input and name in _WORDS:
        reference = {"type": "string", "$ref": f"#/types/fusion:index:{_WORDS[name].__name__}"}
        made |= {"oneOf": [{"type": "string"}, reference]} if name in _OPEN else reference
    if as_input and KINDS.get(name) is Kind.REPLACE:
        made["replaceOnChanges"] = True
    return made


def _properties(names: Iterable[str], **how: Any) -> dict[str, Any]:
    return {state_key(name): _property(name, **how) for name in names}


def _words(kind: type[Enum]) -> dict[str, Any]:
    return {
        "type": "string",
        "description": (kind.__doc__ or "").strip(),
        "enum": [
            {"name": "".join(word[0].upper() + word[1:] for word in each.value.split()), "value": each.value}
            | {"description": _MEANINGS[each.value]}
            for each in kind
        ],
    }


def _settings() -> dict[str, Any]:
    return {
        key: {"type": kind, "description": meaning, **({"secret": True} if key == "netosecret" else {})}
        for key, (kind, meaning) in SETTINGS.items()
    }


def _filters() -> dict[str, Any]:
    # Plain types alone become flags of `pulumi do`.
    return {state_key(name): _property(name, meaning) for name, meaning in _FILTERS.items()}


def _functions() -> dict[str, Any]:
    of_account = {**_properties(_ACCOUNT), "children": _CHILDREN}
    return {
        GET_CUSTOMER: {
            "description": "One customer by its shortname, as the service shows it; an error where there is none.",
            "inputs": {
                "properties": {"shortname": _property("shortname", "The customer's key in Fusion.")},
                "required": ["shortname"],
            },
            "outputs": {"properties": of_account, "required": ["shortname"]},
        },
        GET_CUSTOMERS: {
            "description": "The customers that the account shows, by shortname: at most 1000, which is what the "
            "service lists. Filters are combined; without any, all are returned.",
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
            "description": "The account types that the service offers: what is sent, and what its form shows.",
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
    """The schema as a value."""
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
        # No "repository" and no "pluginDownloadURL": nothing is published yet that they could name.
        "meta": {"moduleFormat": "(.*)", "supportPack": True},
        # Each name is set here, so that it does not depend on what a generator makes of the namespace.
        "language": {
            # `pulumi_fusion` is this provider itself, with a Customer of its own.
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
            "description": "One account of Fusion. Several, each in another account, work side by side.",
            "inputProperties": _settings(),
        },
        "types": {
            **{f"fusion:index:{kind.__name__}": _words(kind) for kind in _WORDS.values()},
            "fusion:index:Account": {
                "type": "object",
                "description": "A customer as the service shows it; what it does not show is left out.",
                "properties": {**_properties(_ACCOUNT), "children": _CHILDREN},
                "required": ["shortname"],
            },
            "fusion:index:AccountType": {
                "type": "object",
                "description": "An account type of the service's own list.",
                "properties": {
                    "value": {"type": "string", "description": "What the API calls it."},
                    "label": {"type": "string", "description": "What the form calls it."},
                    "description": {"type": "string", "description": "What the service says about it."},
                },
                "required": ["value"],
            },
        },
        "resources": {
            CUSTOMER: {
                "description": files(__package__).joinpath("customer.md").read_text(encoding="utf-8"),
                "inputProperties": _properties(Inputs.model_fields, as_input=True),
                "requiredInputs": [
                    state_key(name) for name, field in Inputs.model_fields.items() if field.is_required()
                ],
                "properties": _properties(State.model_fields),
                # What the service does not tell is missing after an import, until the next write.
                "required": [
                    state_key(name)
                    for name in ("shortname", "status", "data_retention", "rollup_retention", OUTPUTS[0])
                ],
                "listInputs": {"properties": _filters()},
            }
        },
        "functions": _functions(),
    }


@cache
def as_json() -> str:
    """The schema as the engine reads it."""
    return json.dumps(package())
