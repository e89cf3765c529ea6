"""The dynamic provider: ``Customer`` for Python programs, with nothing to install but the package.

Pulumi pickles the provider object into the state of every resource and loads it from there for each call
(https://www.pulumi.com/docs/iac/concepts/providers/dynamic-providers/). A class in an installed module is pickled by
its name alone, so the name of this module and of its classes is a contract with every state that exists.

The user's program imports this module as well, and needs the words alone: what does the work is imported where the
engine's calls arrive.
"""

# Annotations are not postponed here: the SDK reads those of Customer once for each resource, and would compile each of
# their texts anew.
import sys
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi import Input, Output, dynamic

from pulumi_fusion.customer.stack import DYNAMIC_TYPE
from pulumi_fusion.customer.words import INPUTS, OUTPUTS, UNKNOWN, CustomerStatus, CustomerType, state_key

if TYPE_CHECKING:
    from pulumi_fusion.customer.model import State
    from pulumi_fusion.engine import Connection

__all__ = ["Customer", "CustomerProvider"]

# The engine's own key for the pickled provider; it comes along with the properties of every call.
_PROVIDER_KEY: Final = "__provider"

# The keys of the inputs that the program marked as secret, for a check alone: the engine hands a dynamic provider all
# secrets as plain values, and stores what the check returns.
_SECRETS_KEY: Final = "__secrets"
# The URN of the resource, for a check alone: the SDK hands none to a dynamic provider.
_URN_KEY: Final = "__urn"

_STATE_KEYS: Final = {name: state_key(name) for name in (*INPUTS, *OUTPUTS)}
_NAMES: Final = {key: name for name, key in _STATE_KEYS.items()}


class CustomerProvider(dynamic.ResourceProvider):
    """check, diff, create, read, update and delete of a Customer, as Pulumi calls them.

    Instances hold nothing before ``configure``: whatever they held would be written into the state.
    """

    # The pickle is the name of this class and nothing secret; as a secret it would only be noise in every diff.
    serialize_as_secret_always = False

    _connection: "Connection"

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Read the settings from the stack configuration and the environment of this run."""
        # The SDK sends traceback.format_exc() as the message of an error; this leaves the error's own line of it
        # (https://github.com/pulumi/pulumi/pull/24465). Not at import: the program imports this module as well, and
        # the SDK's own use of traceback there breaks without frames.
        sys.tracebacklimit = 0
        from pulumi_fusion.engine import Connection, once
        from pulumi_fusion.redaction import redact_logs

        redact_logs()
        # The engine starts each dynamic provider with its own address as the only argument.
        self._connection = Connection(req.config.get, engine=lambda: sys.argv[-1], kind=DYNAMIC_TYPE, warn=once(_say))

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Every failure at once, at preview; values that are not known yet pass."""
        lifecycle = self._connection.lifecycle()
        from pulumi_fusion.customer.secrecy import without_secrets
        from pulumi_fusion.errors import presentable

        old, new, urn = _plain(_olds), _plain(news), news.get(_URN_KEY)
        checked = lifecycle.within(urn=urn if isinstance(urn, str) else "").check(new, old or None)
        inputs = {key: news[key] if value is UNKNOWN else value for key, value in checked.inputs.items()}
        secret = news.get(_SECRETS_KEY) or ()
        failures = [without_secrets(failure, secret, new, old) for failure in checked.failures]
        return dynamic.CheckResult(
            inputs, [dynamic.CheckFailure(failure.property, presentable(failure.reason)) for failure in failures]
        )

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Whether anything differs and what replaces; which properties differ is shown by the engine."""
        from pulumi_fusion.customer.changes import Kind

        found = self._connection.lifecycle().diff(_state(_olds), _plain(_news))
        return dynamic.DiffResult(
            # Outputs that the plugin wrote lack the key, and the SDK's read and delete fail without it: an update,
            # which sends nothing, adds it.
            changes=bool(found) or _PROVIDER_KEY not in _olds,
            replaces=[state_key(change.field) for change in found if change.kind is Kind.REPLACE],
            delete_before_replace=False,
        )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Create the customer; its id for Pulumi is the shortname."""
        lifecycle = self._connection.lifecycle()
        from pulumi_fusion.customer.desired import to_create

        inputs = to_create(_plain(props), _STATE_KEYS.values())
        state = lifecycle.create(inputs)
        return dynamic.CreateResult(inputs.shortname, state.properties())

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """The live state, and as inputs too, so that drift shows property by property."""
        state = self._connection.lifecycle().read(id_, _state(props))
        if state is None:
            # The one way to say "gone": None, or a result without both values, crashes the SDK's server.
            return dynamic.ReadResult("", {})
        properties = state.properties()
        inputs = {key: value for key, value in properties.items() if _NAMES[key] not in OUTPUTS}
        return dynamic.ReadResult(id_, properties, inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Bring the customer in line with the program."""
        lifecycle = self._connection.lifecycle()
        from pulumi_fusion.customer.desired import to_apply

        # Which of them are secret is known to a check alone.
        inputs = to_apply(_plain(_news), _plain(_olds), _STATE_KEYS.values())
        state = lifecycle.update(_state(_olds), inputs)
        return dynamic.UpdateResult(state.properties())

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the customer; one that is gone already is a success."""
        self._connection.lifecycle().delete(_id, _state(_props))


class Customer(dynamic.Resource, module="fusion", name="Customer"):
    """A customer (sub-account, tenant) of Netography Fusion, as in the vendor's form "Add Customer"."""

    # `pulumi.property` ties the annotation to the key of the state, which is how the SDK learns that a number, always
    # a float on the wire, is an int here.

    email: Output[str] = pulumi.property("email")
    given_name: Output[str] = pulumi.property("givenName")
    family_name: Output[str] = pulumi.property("familyName")
    organization: Output[str] = pulumi.property("organization")
    shortname: Output[str] = pulumi.property("shortname")
    type: Output[str] = pulumi.property("type")
    status: Output[str] = pulumi.property("status")
    data_retention: Output[int] = pulumi.property("dataRetention")
    rollup_retention: Output[int] = pulumi.property("rollupRetention")
    contractual_flows_per_second: Output[int | None] = pulumi.property("contractualFlowsPerSecond")
    multi_account: Output[bool | None] = pulumi.property("multiAccount")
    internal: Output[bool | None] = pulumi.property("internal")
    deletion_protection: Output[bool] = pulumi.property("deletionProtection")
    adopt: Output[str | None] = pulumi.property("adopt")
    customer_id: Output[str] = pulumi.property("customerId")
    """The immutable internal id."""
    ingest_ip: Output[str | None] = pulumi.property("ingestIp")
    """Address that the customer's flow records are sent to."""
    ingest_port: Output[int | None] = pulumi.property("ingestPort")
    """Port that the customer's flow records are sent to."""
    parent: Output[str | None] = pulumi.property("parent")
    """Shortname of the account above."""
    node: Output[str | None] = pulumi.property("node")
    """Place in the account tree, as the service writes it."""

    def __init__(
        self,
        resource_name: str,
        *,
        email: Input[str],
        given_name: Input[str],
        family_name: Input[str],
        organization: Input[str],
        shortname: Input[str],
        type: Input[CustomerType | str],
        status: Input[CustomerStatus | str],
        data_retention: Input[int],
        rollup_retention: Input[int],
        contractual_flows_per_second: Input[int] | None = None,
        multi_account: Input[bool] | None = None,
        internal: Input[bool] | None = None,
        deletion_protection: Input[bool] | None = None,
        adopt: Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a customer.

        ``email``, ``given_name`` and ``family_name`` are the first admin user's and used at creation only.
        ``shortname`` (5 to 16 characters) is the key in Fusion; changing it replaces the customer. ``type`` is SLG or
        MSSP as in the form, or the API's own customer, reseller or staff; ``status`` is Active or Trial Active.
        ``data_retention`` is 7, 45, 90 or 180 days, ``rollup_retention`` 7, 90, 180 or 365 days and at least the
        former. ``contractual_flows_per_second`` is 1 to 2147483647. ``deletion_protection`` is on for Active and off
        for Trial Active where it is not set, and once on is lowered only by False. ``adopt`` takes over the existing
        customer with this immutable id instead of creating one. What is not set is not managed.
        """
        declared = {
            "email": email,
            "given_name": given_name,
            "family_name": family_name,
            "organization": organization,
            "shortname": shortname,
            "type": type,
            "status": status,
            "data_retention": data_retention,
            "rollup_retention": rollup_retention,
            "contractual_flows_per_second": contractual_flows_per_second,
            "multi_account": multi_account,
            "internal": internal,
            "deletion_protection": deletion_protection,
            "adopt": adopt,
        }
        self._register(resource_name, declared, opts, {_URN_KEY: _urn(resource_name, opts)})

    @classmethod
    def get(cls, resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> "Customer":
        """An existing customer, read by its shortname and not managed by this stack."""
        customer = cls.__new__(cls)
        options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id))
        customer._register(resource_name, dict.fromkeys(INPUTS), options)
        return customer

    def _register(
        self,
        resource_name: str,
        declared: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
        for_check: Mapping[str, Any] | None = None,
    ) -> None:
        inputs = {name: value.value if isinstance(value, Enum) else value for name, value in declared.items()}
        outputs = {_STATE_KEYS[name]: value for name, value in inputs.items() if isinstance(value, Output)}
        if outputs:
            inputs[_SECRETS_KEY] = Output.from_input(_secret_among(outputs))
        inputs |= for_check or {}
        # An output exists on the object only if it was named as a property, so the service's own are named empty.
        dynamic.Resource.__init__(self, CustomerProvider(), resource_name, {**inputs, **dict.fromkeys(OUTPUTS)}, opts)

    def translate_input_property(self, prop: str) -> str:
        return _STATE_KEYS.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return _NAMES.get(prop, prop)


async def _secret_among(outputs: Mapping[str, Output[Any]]) -> list[str] | None:
    """Return the keys of the outputs that are secret, or None, which is not sent."""
    return [key for key, output in outputs.items() if await output.is_secret()] or None


def _urn(name: str, opts: pulumi.ResourceOptions | None) -> Input[str | None]:
    """The URN that the engine will give to a customer: https://www.pulumi.com/docs/iac/concepts/resources/names/."""
    parent = opts.parent if opts else None
    if parent is None or parent.pulumi_resource_type == "pulumi:pulumi:Stack":
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{DYNAMIC_TYPE}::{name}"
    # The value alone: an output of its parent as an input would make a child depend on its parent, and so on itself.
    return Output.from_input(pulumi.create_urn(name, DYNAMIC_TYPE, parent).future())


def _plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties as the core reads them: without keys that are no fields, and unknown values as ``UNKNOWN``.

    Only top-level values matter, for a Customer has no nested ones.
    """
    return {
        key: UNKNOWN if isinstance(value, pulumi.output.Unknown) else value
        for key, value in properties.items()
        if key not in (_PROVIDER_KEY, _SECRETS_KEY, _URN_KEY)
    }


def _state(properties: Mapping[str, Any]) -> "State":
    """What the engine keeps of a customer."""
    from pulumi_fusion.customer.model import State

    return State.recall(_plain(properties))


def _say(sentence: str) -> None:
    """Show a warning: the engine starts each dynamic provider with its own address as the only argument."""
    from pulumi_fusion.engine import say

    say(sys.argv[-1], sentence)
