"""The fields of a Customer, each declared once, and the records of the API.

The inputs, the state, the requests, the schema, the checks and the documentation are derived from the declarations in
``Fields`` and ``State``. ARCHITECTURE.md describes how to add a field.

The form: "Add Customer", https://docs.netography.com/docs/add-customer. The API:
https://docs.netography.com/api-reference/netography-apis/resellers, where customers are called accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Annotated, Any, Final, get_args

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from pulumi_fusion.customer import rules
from pulumi_fusion.customer.names import CustomerStatus, state_key

__all__ = [
    "FIELDS",
    "OUTPUTS",
    "Account",
    "AccountType",
    "FieldSpec",
    "Fields",
    "Inputs",
    "Kind",
    "State",
    "User",
    "value_type",
]

_TRIAL: Final = {CustomerStatus.ACTIVE.value: False, CustomerStatus.TRIAL_ACTIVE.value: True}


class Kind(Enum):
    """What the change of a field does. ARCHITECTURE.md lists what unset, import and adopt mean for each kind."""

    REPLACE = "replace"
    """It creates another customer, then deletes this one."""
    UPDATE = "update"
    """It is sent by a PUT."""
    CREATE_ONLY = "create-only"
    """It is refused, since the API has the field in POST only."""
    STATE_ONLY = "state-only"
    """It is written to the state; nothing is sent."""
    CREATE_OPTION = "create option"
    """It is ignored, since the field only controls a create."""
    OUTPUT = "output"
    """It is read from the service, which assigns the field."""


@dataclass(frozen=True)
class FieldSpec:
    """The properties of a field, apart from its type and description.

    Args:
        kind: What a change of it does.
        rule: Returns a declared value as it will be used, or raises ValueError; has a JSON Schema of the values.
        required: Whether a program must set it.
        sent: Its name in the body of a request, or None if it isn't sent.
        shown: The attribute of an Account that has it, or None if no record does.
        always_shown: Whether every record has it by the vendor's documentation.
        in_api: The API's value for each value, if it uses others.
    """

    kind: Kind
    rule: rules.FieldRule[Any] = rules.text
    required: bool = False
    sent: str | None = None
    shown: str | None = None
    always_shown: bool = False
    in_api: Mapping[str, Any] | None = None

    def read(self, account: Account | None) -> Any:
        """Return the API's value in a record, or None if it isn't there."""
        return None if account is None or self.shown is None else getattr(account, self.shown)

    def to_api(self, value: Any) -> Any:
        """Return the API's value, or None for one that is unset or not among ``in_api``."""
        return value if self.in_api is None else self.in_api.get(value)

    def from_api(self, value: Any) -> Any:
        """Return the value for one of the API, or None if the API doesn't show it."""
        if self.in_api is None:
            return value
        return next((own for own, sent in self.in_api.items() if sent == value), None)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=state_key, populate_by_name=True, extra="ignore")


class Fields(_Model):
    """The fields that a program can declare. None means unset: the field is not managed."""

    email: Annotated[str | None, FieldSpec(Kind.CREATE_ONLY, rules.email, required=True, sent="username")] = Field(
        default=None, description="E-mail address of the first admin user; used at creation only."
    )
    given_name: Annotated[str | None, FieldSpec(Kind.CREATE_ONLY, required=True, sent="given_name")] = Field(
        default=None, description="Given name of the first admin user; used at creation only."
    )
    family_name: Annotated[str | None, FieldSpec(Kind.CREATE_ONLY, required=True, sent="family_name")] = Field(
        default=None, description="Family name of the first admin user; used at creation only."
    )
    organization: Annotated[
        str | None,
        FieldSpec(Kind.UPDATE, required=True, sent="organization", shown="organization"),
    ] = Field(default=None, description="Name of the customer's organization.")
    shortname: Annotated[
        str | None,
        FieldSpec(Kind.REPLACE, rules.shortname, required=True, sent="shortname", shown="shortname", always_shown=True),
    ] = Field(
        default=None, description="The customer's key in Fusion, 5 to 16 characters; a change replaces the customer."
    )
    type: Annotated[str | None, FieldSpec(Kind.UPDATE, required=True, sent="type", shown="type")] = Field(
        default=None, description="SLG or MSSP as in the form, or the API's own customer, reseller or staff."
    )
    status: Annotated[
        str | None,
        FieldSpec(
            Kind.UPDATE,
            rules.one_of_texts(*_TRIAL),
            required=True,
            sent="trial",
            shown="trial",
            always_shown=True,
            in_api=_TRIAL,
        ),
    ] = Field(default=None, description="Active or Trial Active.")
    data_retention: Annotated[
        int | None,
        FieldSpec(
            Kind.UPDATE,
            rules.one_of_days(7, 45, 90, 180),
            required=True,
            sent="retention",
            shown="data_retention",
            always_shown=True,
        ),
    ] = Field(default=None, description="How long flow records are kept: 7, 45, 90 or 180 days.")
    rollup_retention: Annotated[
        int | None,
        FieldSpec(
            Kind.UPDATE,
            rules.one_of_days(7, 90, 180, 365),
            required=True,
            sent="rollupRetention",
            shown="rollup_retention",
            always_shown=True,
        ),
    ] = Field(
        default=None, description="How long rollups are kept: 7, 90, 180 or 365 days, at least the data retention."
    )
    contractual_flows_per_second: Annotated[
        int | None, FieldSpec(Kind.UPDATE, rules.flows, sent="fps", shown="fps")
    ] = Field(default=None, description="Flows per second of the contract, 1 to 2147483647.")
    # These two are part of the API's type.
    multi_account: Annotated[bool | None, FieldSpec(Kind.UPDATE, rules.boolean)] = Field(
        default=None, description="Whether the customer will have customers of its own; off at creation if unset."
    )
    internal: Annotated[bool | None, FieldSpec(Kind.UPDATE, rules.boolean)] = Field(
        default=None, description="Whether it is an internal account; off at creation if unset."
    )
    deletion_protection: Annotated[bool | None, FieldSpec(Kind.STATE_ONLY, rules.boolean)] = Field(
        default=None,
        description="Whether a deletion is refused. If unset: on for Active, off for Trial Active, and once on it "
        "stays on until it is set to false.",
    )
    adopt: Annotated[str | None, FieldSpec(Kind.CREATE_OPTION)] = Field(
        default=None,
        description="The immutable id of an existing customer to manage instead of creating one; used at creation "
        "only.",
    )


class Inputs(Fields):
    """The fields of a customer after :func:`pulumi_fusion.customer.check.check`, with every required one."""

    shortname: str


class State(Fields):
    """What the state stores of a customer: its inputs as last applied or read, and the outputs.

    Every field may be missing: an older state, adoption and import know less than a create does.
    """

    customer_id: Annotated[str | None, FieldSpec(Kind.OUTPUT, shown="id")] = Field(
        default=None, description="The immutable internal id."
    )
    ingest_ip: Annotated[str | None, FieldSpec(Kind.OUTPUT, shown="ingest_ip")] = Field(
        default=None, description="Address that the customer's flow records are sent to."
    )
    ingest_port: Annotated[int | None, FieldSpec(Kind.OUTPUT, shown="ingest_port")] = Field(
        default=None, description="Port that the customer's flow records are sent to."
    )
    parent: Annotated[str | None, FieldSpec(Kind.OUTPUT, shown="parent")] = Field(
        default=None, description="Shortname of the parent account."
    )
    node: Annotated[str | None, FieldSpec(Kind.OUTPUT, shown="node")] = Field(
        default=None, description="Path in the account tree, as the service returns it."
    )

    @property
    def is_protected(self) -> bool:
        """Whether a deletion is refused. A state without the field is read as the default."""
        if self.deletion_protection is None:
            return self.status != CustomerStatus.TRIAL_ACTIVE.value
        return self.deletion_protection

    @classmethod
    def recall(cls, raw: Mapping[str, Any]) -> State:
        """Return the state in stored properties of any age, which have keys in either spelling.

        A value of a wrong type counts as missing; whatever needs it raises.
        """
        known = {}
        for name in cls.model_fields:
            value = raw.get(state_key(name), raw.get(name))
            # A text such as "no" must not turn a protection off, and True is not a number.
            if not isinstance(value, (str, int, float)) or isinstance(value, bool) != (value_type(name) is bool):
                continue
            with suppress(ValidationError):
                known[name] = _STATE_TYPES[name].validate_python(value)
        return cls(**known)

    def properties(self) -> dict[str, Any]:
        """Return the known values by state key."""
        return self.model_dump(by_alias=True, exclude_none=True)


_STATE_TYPES: Final[Mapping[str, TypeAdapter[Any]]] = {
    name: TypeAdapter(field.rebuild_annotation()) for name, field in State.model_fields.items()
}


@cache
def value_type(name: str) -> type:
    """Return the type of a field's values: str, int or bool."""
    found: type = next(each for each in get_args(State.model_fields[name].annotation) if each is not NoneType)
    return found


def _specs(model: type[BaseModel]) -> dict[str, FieldSpec]:
    return {name: field.metadata[0] for name, field in model.model_fields.items()}


FIELDS: Final[Mapping[str, FieldSpec]] = _specs(Fields)
"""The fields that a program can declare."""

OUTPUTS: Final[Mapping[str, FieldSpec]] = {name: spec for name, spec in _specs(State).items() if name not in FIELDS}
"""The fields that the service assigns."""


def _text_of_number(value: object) -> object:
    return str(value) if type(value) is int else value


class Account(BaseModel):
    """One account as the service returns it. Any field may be missing.

    ``data_retention`` and ``rollup_retention`` are days, ``fps`` flows per second, ``children`` the number of direct
    sub-accounts. The documented record lacks ``organization``, ``type`` and ``fps``; they are read if the service
    returns them.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore", strict=True)

    shortname: str
    id: Annotated[str | None, BeforeValidator(_text_of_number)] = None
    """Documented as a string; integers are accepted and converted (ids are only compared)."""
    ingest_ip: str | None = None
    ingest_port: int | None = None
    data_retention: int | None = Field(default=None, validation_alias=AliasPath("billing", "data_retention"))
    rollup_retention: int | None = Field(default=None, validation_alias=AliasPath("billing", "rollup_retention"))
    trial: bool | None = Field(default=None, validation_alias=AliasPath("billing", "trial"))
    parent: str | None = Field(default=None, validation_alias=AliasPath("reseller", "parent"))
    node: str | None = Field(default=None, validation_alias=AliasPath("reseller", "node"))
    children: int | None = Field(default=None, validation_alias=AliasPath("reseller", "children"))
    is_parent: bool | None = Field(default=None, validation_alias=AliasPath("reseller", "is_parent"))
    organization: str | None = None
    type: str | None = None
    fps: int | None = None

    @property
    def is_childless(self) -> bool:
        """Whether the service shows that it has no sub-accounts. False if the record has neither field."""
        return not self.children and not self.is_parent and (self.children, self.is_parent) != (None, None)


class AccountType(BaseModel):
    """One entry of the service's list of account types: the value that is sent, and its label in the form."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    value: str
    label: str | None = None
    description: str | None = None


class User(BaseModel):
    """One user of an account as the service returns it. Any field may be missing."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: str | None = None
    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    roles: list[str] | None = None
