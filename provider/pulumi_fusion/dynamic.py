"""The dynamic provider: ``Customer`` for Python programs, which need only this package.

Pulumi pickles the provider object into the state of every resource and loads it from there for each call
(https://www.pulumi.com/docs/iac/concepts/providers/dynamic-providers/). A class of an installed module is pickled as
its name, so every existing state depends on the name of this module and of its classes.

The user's program imports this module too, and needs neither the models nor an HTTP library. The provider's methods
import those when the engine calls them.
"""

# Annotations are not postponed here: the SDK reads those of Customer for each resource, and would compile each of their
# texts every time.
import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pulumi
from pulumi import Input, Output, dynamic

from pulumi_fusion.customer.names import UNKNOWN, CustomerStatus, CustomerType, state_key
from pulumi_fusion.customer.stack import DYNAMIC_TYPE

if TYPE_CHECKING:
    from pulumi_fusion.customer.model import State
    from pulumi_fusion.engine import Connection
    from pulumi_fusion.operations.deletions import Deletions
    from pulumi_fusion.operations.service import Service
    from pulumi_fusion.settings import Settings

__all__ = ["INPUTS", "OUTPUTS", "Customer", "CustomerProvider"]

# The engine adds the pickled provider to the properties of every call.
_PROVIDER_KEY: Final = "__provider"

# The keys of the inputs that the program marked as secret, for the check only: the engine passes all secrets to a
# dynamic provider as plain values, and stores what the check returns.
_SECRETS_KEY: Final = "__secrets"
# The URN of the resource, for the check only: the SDK passes none to a dynamic provider.
_URN_KEY: Final = "__urn"

T = TypeVar("T")


def _with_reference(call: Callable[..., T]) -> Callable[..., T]:
    """Return the method of a provider with errors that end with where the documentation describes them."""

    @functools.wraps(call)
    def wrapped(*arguments: Any) -> T:
        try:
            return call(*arguments)
        except Exception as failure:
            from pulumi_fusion.errors import FusionError

            if isinstance(failure, FusionError):
                raise failure.with_reference() from None
            raise

    return wrapped


@functools.cache
def deletions_of_process() -> "Deletions":
    """Return the counter of this process, which serves one run.

    A state may have several pickles of the provider, as those of two versions of Python, and each is an instance here.
    """
    from pulumi_fusion.operations.deletions import Deletions

    return Deletions()


class CustomerProvider(dynamic.ResourceProvider):
    """The methods that Pulumi calls for a Customer.

    An instance has no attributes before ``configure``, since they would be written to the state. A subclass may
    replace ``connect`` and ``warn``.
    """

    # The pickle contains only the name of this class. As a secret it would appear in every diff.
    serialize_as_secret_always = False

    _connection: "Connection"

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Read the settings from the stack configuration and the environment of this run."""
        # The SDK sends traceback.format_exc() as the message of an error. This reduces it to the error's own line
        # (https://github.com/pulumi/pulumi/pull/24465). Not at import: the program imports this module as well, and
        # the SDK's own use of traceback there fails without frames.
        sys.tracebacklimit = 0
        from pulumi_fusion.engine import Connection, once_per_text
        from pulumi_fusion.redaction import redact_logs

        redact_logs()
        self._connection = Connection(
            req.config.get,
            connect=self.connect,
            engine=_engine_address,
            kind=DYNAMIC_TYPE,
            warn=once_per_text(self.warn),
            deletions=deletions_of_process(),
        )

    def connect(self, settings: "Settings") -> "Service":
        """Return the client of the service."""
        from pulumi_fusion.api.client import FusionClient

        return FusionClient(settings)

    def warn(self, text: str) -> None:
        """Show a warning in the output of the run."""
        from pulumi_fusion.engine import show_warning

        show_warning(_engine_address(), text)

    @_with_reference
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        """Return the inputs with their defaults, and all failures at once. Unknown values pass."""
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

    @_with_reference
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Return whether anything differs and what causes a replacement. The engine shows which properties differ."""
        from pulumi_fusion.customer.model import Kind

        found = self._connection.lifecycle().diff(_state(_olds), _plain(_news))
        return dynamic.DiffResult(
            # The outputs of a state that the plugin wrote lack the key, and the SDK's read and delete fail without it.
            # An update, which sends nothing then, adds it.
            changes=bool(found) or _PROVIDER_KEY not in _olds,
            replaces=[state_key(change.field) for change in found if change.kind is Kind.REPLACE],
            delete_before_replace=False,
        )

    @_with_reference
    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Create the customer; its Pulumi id is the shortname."""
        lifecycle = self._connection.lifecycle()
        from pulumi_fusion.customer.inputs import create_inputs

        inputs = create_inputs(_plain(props), _NAMES)
        state = lifecycle.create(inputs)
        return dynamic.CreateResult(inputs.shortname, state.properties())

    @_with_reference
    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Return the live state, as inputs too, so that drift is shown by property."""
        state = self._connection.lifecycle().read(id_, _state(props))
        if state is None:
            # An empty id means that the resource is gone; None, or a result without both values, crashes the SDK.
            return dynamic.ReadResult("", {})
        properties = state.properties()
        inputs = {key: value for key, value in properties.items() if _NAMES[key] in INPUTS}
        return dynamic.ReadResult(id_, properties, inputs)

    @_with_reference
    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Update the customer to the inputs."""
        lifecycle = self._connection.lifecycle()
        from pulumi_fusion.customer.inputs import update_inputs

        # Only a check knows which of them are secret, so all are treated as secret.
        inputs = update_inputs(_plain(_news), _plain(_olds), _NAMES)
        state = lifecycle.update(_state(_olds), inputs)
        return dynamic.UpdateResult(state.properties())

    @_with_reference
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the customer. One that is gone already is a success."""
        self._connection.lifecycle().delete(_id, _state(_props))


class Customer(dynamic.Resource, module="fusion", name="Customer"):
    """A customer (sub-account, tenant) of Netography Fusion, as in the vendor's form "Add Customer".

    provider/docs/customer.md describes each field. An unset field is not managed: an update keeps the value that the
    service returns. Only a change of ``shortname`` replaces the customer.
    """

    # The names, and which of them are required, are those of customer/model.py; a test compares them. `pulumi.property`
    # links the annotation to the state key. The SDK needs it to convert a number, always a float on the wire, to int.

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
    ingest_ip: Output[str | None] = pulumi.property("ingestIp")
    ingest_port: Output[int | None] = pulumi.property("ingestPort")
    parent: Output[str | None] = pulumi.property("parent")
    node: Output[str | None] = pulumi.property("node")

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
        """Declare a customer."""
        arguments = locals()
        declared = {name: arguments[name] for name in INPUTS}
        self._register(resource_name, declared, opts, {_URN_KEY: _urn(resource_name, opts)})

    @classmethod
    def get(cls, resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> "Customer":
        """Return an existing customer, read by its shortname and not managed by this stack."""
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
        outputs = {state_key(name): value for name, value in inputs.items() if isinstance(value, Output)}
        if outputs:
            inputs[_SECRETS_KEY] = Output.from_input(_secret_among(outputs))
        inputs |= for_check or {}
        # The object has an output only if the properties name it, so those of the service are passed as None.
        dynamic.Resource.__init__(self, CustomerProvider(), resource_name, {**inputs, **dict.fromkeys(OUTPUTS)}, opts)

    def translate_input_property(self, prop: str) -> str:
        """Return the state key of a field."""
        return state_key(prop) if prop in INPUTS or prop in OUTPUTS else prop

    def translate_output_property(self, prop: str) -> str:
        """Return the Python name of a state key."""
        return _NAMES.get(prop, prop)


INPUTS: Final = tuple(
    name
    for name, parameter in inspect.signature(Customer.__init__).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY and name != "opts"
)
"""The names of the fields that a program can declare."""

OUTPUTS: Final = tuple(name for name in Customer.__annotations__ if name not in INPUTS)
"""The names of the fields that the service assigns."""

_NAMES: Final = {state_key(name): name for name in (*INPUTS, *OUTPUTS)}


async def _secret_among(outputs: Mapping[str, Output[Any]]) -> list[str] | None:
    """Return the keys of the secret outputs, or None, which is not sent."""
    return [key for key, output in outputs.items() if await output.is_secret()] or None


def _urn(name: str, opts: pulumi.ResourceOptions | None) -> Input[str | None]:
    """Return the URN that the engine will give to a customer.

    https://www.pulumi.com/docs/iac/concepts/resources/names/
    """
    parent = opts.parent if opts else None
    if parent is None or parent.pulumi_resource_type == "pulumi:pulumi:Stack":
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{DYNAMIC_TYPE}::{name}"
    # Only the value: with an output of its parent as an input, a child would depend on its parent, and so on itself.
    return Output.from_input(pulumi.create_urn(name, DYNAMIC_TYPE, parent).future())


def _plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties without the keys that aren't fields, and with ``UNKNOWN`` for unknown values.

    Only top-level values are converted, since a Customer has no nested ones.
    """
    return {
        key: UNKNOWN if isinstance(value, pulumi.output.Unknown) else value
        for key, value in properties.items()
        if key not in (_PROVIDER_KEY, _SECRETS_KEY, _URN_KEY)
    }


def _state(properties: Mapping[str, Any]) -> "State":
    """Return the stored state of a customer."""
    from pulumi_fusion.customer.model import State

    return State.recall(_plain(properties))


def _engine_address() -> str:
    """Return the address of the engine, which starts each dynamic provider with it as the only argument."""
    return sys.argv[-1]
