"""What a Customer is: the words of the vendor's form, the state that is kept, the account that the service has.

The form: "Add Customer", https://docs.netography.com/docs/add-customer. The API:
https://docs.netography.com/api-reference/netography-apis/resellers, where customers are called accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from pulumi_fusion.customer import rules
from pulumi_fusion.customer.words import OUTPUTS, CustomerStatus, CustomerType, label, state_key

__all__ = [
    "FIELDS",
    "OUTPUTS",
    "Account",
    "AccountType",
    "CustomerStatus",
    "CustomerType",
    "Inputs",
    "State",
    "User",
    "label",
    "state_key",
]


RETENTION_DAYS: Final = (7, 45, 90, 180)
ROLLUP_RETENTION_DAYS: Final = (7, 90, 180, 365)


_Text = Annotated[str, BeforeValidator(rules.text)]
_Switch = Annotated[bool, BeforeValidator(rules.boolean)]


class Inputs(BaseModel):
    """The fields of the form, as the program declares them; ``None`` is "not set, so not managed".

    Whether ``type`` is known and how fields agree with each other is told by
    :func:`pulumi_fusion.customer.check.check`, for it needs more than the field.
    """

    model_config = ConfigDict(frozen=True, alias_generator=state_key, populate_by_name=True, extra="ignore")

    email: Annotated[str, BeforeValidator(rules.email)] = Field(
        description="E-mail address of the first admin user; used at creation only."
    )
    given_name: _Text = Field(description="Given name of the first admin user; used at creation only.")
    family_name: _Text = Field(description="Family name of the first admin user; used at creation only.")
    organization: _Text = Field(description="Name of the customer's organization.")
    shortname: Annotated[str, BeforeValidator(rules.shortname)] = Field(
        description="The customer's key in Fusion, 5 to 16 characters; a change replaces the customer."
    )
    type: _Text = Field(description="SLG or MSSP as in the form, or the API's own customer, reseller or staff.")
    status: Annotated[str, BeforeValidator(rules.one_of_words(tuple(status.value for status in CustomerStatus)))] = (
        Field(description="Active or Trial Active.")
    )
    data_retention: Annotated[int, BeforeValidator(rules.one_of_days(RETENTION_DAYS))] = Field(
        description="How long flow records are kept: 7, 45, 90 or 180 days."
    )
    rollup_retention: Annotated[int, BeforeValidator(rules.one_of_days(ROLLUP_RETENTION_DAYS))] = Field(
        description="How long rollups are kept: 7, 90, 180 or 365 days, at least the data retention."
    )
    contractual_flows_per_second: Annotated[int, BeforeValidator(rules.flows)] | None = Field(
        default=None, description="Flows per second of the contract, 1 to 2147483647; not managed where it is not set."
    )
    multi_account: _Switch | None = Field(
        default=None,
        description="Whether the customer will have accounts of its own; off at creation, and not managed, "
        "where it is not set.",
    )
    internal: _Switch | None = Field(
        default=None,
        description="Whether it is an internal account; off at creation, and not managed, where it is not set.",
    )
    deletion_protection: _Switch | None = Field(
        default=None,
        description="Whether a deletion is refused; on for Active and off for Trial Active where it is not "
        "set; once on, only false lowers it.",
    )
    adopt: _Text | None = Field(
        default=None,
        description="The immutable id of an existing customer to take over instead of creating one; used at "
        "creation only.",
    )


def _adapters(model: type[BaseModel]) -> dict[str, TypeAdapter[Any]]:
    return {name: TypeAdapter(field.rebuild_annotation()) for name, field in model.model_fields.items()}


FIELDS: Final[Mapping[str, TypeAdapter[Any]]] = _adapters(Inputs)
"""The rule of each input by itself, for inputs of which others are wrong or not known yet."""


class State(BaseModel):
    """What is kept of a customer: its inputs as last applied or read, and what the service assigned.

    Every field may be missing: earlier versions, adoption and import know less than a create does.
    """

    model_config = ConfigDict(frozen=True, alias_generator=state_key, populate_by_name=True, extra="ignore")

    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    organization: str | None = None
    shortname: str | None = None
    type: str | None = None
    status: str | None = None
    data_retention: int | None = None
    rollup_retention: int | None = None
    contractual_flows_per_second: int | None = None
    multi_account: bool | None = None
    internal: bool | None = None
    deletion_protection: bool | None = None
    adopt: str | None = None
    customer_id: str | None = Field(default=None, description="The immutable internal id.")
    ingest_ip: str | None = Field(default=None, description="Address that the customer's flow records are sent to.")
    ingest_port: int | None = Field(default=None, description="Port that the customer's flow records are sent to.")
    parent: str | None = Field(default=None, description="Shortname of the account above.")
    node: str | None = Field(default=None, description="Place in the account tree, as the service writes it.")

    @classmethod
    def recall(cls, raw: Mapping[str, Any]) -> State:
        """The state in stored properties of any age: keys in both spellings, whatever is unfit left out.

        Nothing raises here: a state that says too little is told by what needs it.
        """
        kept = {}
        for name, field in cls.model_fields.items():
            value = raw.get(state_key(name), raw.get(name))
            if not isinstance(value, (str, int, float)) or (isinstance(value, bool) and field.annotation == int | None):
                continue
            if field.annotation == bool | None and not isinstance(value, bool):
                continue  # a word that reads like "no" turns no protection off
            try:
                kept[name] = _STATE_FIELDS[name].validate_python(value)
            except ValidationError:
                continue
        return cls(**kept)

    def properties(self) -> dict[str, Any]:
        """What is known, under the keys of the state."""
        return self.model_dump(by_alias=True, exclude_none=True)


_STATE_FIELDS: Final[Mapping[str, TypeAdapter[Any]]] = _adapters(State)


def _text_of_number(value: object) -> object:
    return str(value) if type(value) is int else value


class Account(BaseModel):
    """One account as the service shows it; any field may be missing from an answer.

    ``data_retention`` and ``rollup_retention`` are days, ``fps`` flows per second, ``children`` the number
    of direct sub-accounts. ``organization``, ``type`` and ``fps`` are not in the documented record; they are
    read where the service sends them.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore", strict=True)

    shortname: str
    id: Annotated[str | None, BeforeValidator(_text_of_number)] = None
    """A text by the documentation; a number in its place is as good, since it is only compared."""
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
        """Whether the service says that it has no accounts of its own; one that says nothing may have some."""
        return not self.children and not self.is_parent and (self.children, self.is_parent) != (None, None)


class AccountType(BaseModel):
    """One entry of the service's own list of account types: what is sent, and what the form shows for it."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    value: str
    label: str | None = None
    description: str | None = None


class User(BaseModel):
    """One user of an account, as the service shows it; any field may be missing from an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: str | None = None
    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    roles: list[str] | None = None
