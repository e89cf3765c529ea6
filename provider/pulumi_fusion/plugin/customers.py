"""The calls about one customer: convert each request to plain values, call the operation, and convert its result.

When the engine makes which call:
https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/providers/implementers-guide.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from pulumi_fusion.customer.hints import Hints
from pulumi_fusion.customer.inputs import create_inputs, update_inputs
from pulumi_fusion.customer.mapping import same_type
from pulumi_fusion.customer.model import FIELDS, Kind, State
from pulumi_fusion.customer.names import UNKNOWN, state_key
from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.customer.secrecy import without_secrets
from pulumi_fusion.engine import Connection
from pulumi_fusion.errors import OutcomeUnknown
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.plugin import functions, responses, schema, values
from pulumi_fusion.plugin.error_interceptor import PartialStateError
from pulumi_fusion.plugin.protocol import provider_pb2, provider_pb2_grpc
from pulumi_fusion.plugin.values import Properties

__all__ = ["CustomerCalls"]

_INPUT_KEYS: Final = frozenset(map(state_key, FIELDS))
_REQUIRED_KEYS: Final = frozenset(state_key(name) for name, spec in FIELDS.items() if spec.required)
# No update changes these.
_STABLE_KEYS: Final = (
    state_key("customer_id"),
    *(state_key(name) for name, spec in FIELDS.items() if spec.kind is Kind.CREATE_ONLY),
)


_UNKNOWN_OUTCOME: Final = (
    "The resource is saved as partially created. The next `pulumi up` checks whether the customer exists and completes "
    "or creates it; the state needs no editing."
)


def _adopt(name: str, shortname: str, customer_id: str | None) -> str:
    """Return how to manage an existing customer with the plugin."""
    adopt = "" if customer_id is None else f", or set adopt: {customer_id} on the resource"
    return (
        f"It isn't adopted automatically. If no stack manages it, run `pulumi import {schema.CUSTOMER} {name} "
        f"{shortname}`{adopt}; otherwise choose another shortname."
    )


def _alias(urn: str) -> str:
    return f'aliases: ["{urn}"]'


class CustomerCalls(provider_pb2_grpc.ResourceProviderServicer):
    """The calls about one customer. A subclass sets the attributes.

    Attributes:
        connection: The service under the settings.
        warn: Shows a warning: its text, and the URN of the resource if it concerns one.
    """

    connection: Connection
    warn: Callable[..., None]

    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Return the inputs with their defaults, and all failures at once. Unknown values pass."""
        news, olds = values.read(request.news), values.read(request.olds)
        checked = self._lifecycle(request).check(news.plain, olds.plain or None)
        return provider_pb2.CheckResponse(
            inputs=values.write(checked.inputs, news.secret),
            failures=responses.failures(
                without_secrets(failure, news.secret | olds.secret, news.plain, olds.plain)
                for failure in checked.failures
            ),
        )

    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Return what `up` would change, by property and kind."""
        old, asked = _old(request.olds, request.old_inputs), values.read(request.old_inputs).plain
        news = values.read(request.news)
        wanted = _apply_ignore_changes(request.ignoreChanges, news.plain, old.state)

        def warn(text: str) -> None:
            known = old.state.properties()
            masked = without_secrets(Failure("", text), old.secret | news.secret, wanted, known)
            self.warn(masked.reason, request.urn)

        found = self._lifecycle(request).within(warn=warn).diff(old.state, wanted)
        response = responses.difference(
            {
                state_key(change.field): responses.kind(change.old, change.new, replaces=change.kind is Kind.REPLACE)
                for change in found
            },
            inputs={key for key in wanted if key in asked and asked[key] != wanted[key]},
        )
        if not response.replaces:
            response.stables.extend(_STABLE_KEYS)
        return response

    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        """Create the customer; its id is the shortname. A preview returns the known values.

        Raises PartialStateError, FusionError.
        """
        lifecycle, news = self._lifecycle(request), values.read(request.properties)
        if request.preview:
            known = {key: value for key, value in news.plain.items() if value is not UNKNOWN}
            return provider_pb2.CreateResponse(properties=values.write(known, news.secret))
        inputs = create_inputs(news.plain, news.secret)
        try:
            state = lifecycle.create(inputs)
        except OutcomeUnknown as failure:
            raise _partial(failure, inputs.shortname, news) from None
        return provider_pb2.CreateResponse(
            id=inputs.shortname, properties=values.write(state.properties(), news.secret)
        )

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """Return the live state and inputs, for a refresh or an import; an empty id if the customer is gone."""
        lifecycle = self._lifecycle(request)
        old, managed = _old(request.properties, request.inputs), values.read(request.inputs)
        # The request for an import, or for a resource that is only read, has an id and no state. Only the latter has
        # inputs, though empty ones.
        imported = not request.HasField("inputs")
        state = (
            lifecycle.import_customer(request.id, imported=imported)
            if old.is_empty
            else lifecycle.read(request.id, old.state)
        )
        if state is None:
            return provider_pb2.ReadResponse()
        properties = state.properties()
        # A field that the program does not manage isn't an input, even if the service shows it.
        keys = _INPUT_KEYS & ({*managed.plain} | _REQUIRED_KEYS) if managed.plain else _INPUT_KEYS
        inputs = {key: value for key, value in properties.items() if key in keys}
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=values.write(properties, old.secret),
            inputs=values.write(inputs, old.secret),
        )

    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        """Update the customer, or resolve an unknown outcome. Raises PartialStateError, FusionError."""
        lifecycle = self._lifecycle(request)
        old, news = _old(request.olds, request.old_inputs), values.read(request.news)
        wanted = _apply_ignore_changes(request.ignoreChanges, news.plain, old.state)
        if request.preview:
            known = {key: value for key, value in {**old.state.properties(), **wanted}.items() if value is not UNKNOWN}
            # The service may assign these before the update.
            later = {key: UNKNOWN for key in ("ingestIp", "ingestPort") if key not in known}
            return provider_pb2.UpdateResponse(properties=values.write({**known, **later}, news.secret))
        asked = values.read(request.old_inputs).plain
        inputs = update_inputs(wanted, asked, news.secret)
        try:
            state = lifecycle.update(old.state, inputs, State.recall(asked))
        except OutcomeUnknown as failure:
            raise _partial(failure, request.id, news) from None
        return provider_pb2.UpdateResponse(properties=values.write(state.properties(), news.secret))

    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> Empty:
        """Delete the customer. One that is gone already is a success. Raises FusionError."""
        old = _old(request.properties, request.old_inputs)
        self._lifecycle(request).delete(request.id, old.state)
        return Empty()

    def _lifecycle(self, request: Any) -> Lifecycle:
        """Return the operations for a request: with its timeout, and hints and warnings that name its resource.

        Raises InvalidInput for another kind of resource.
        """
        # urn:pulumi:<stack>::<project>::<types of the parents, $-separated>::<name>, and a name may contain "::".
        _, _, kind, name = [*request.urn.split("::", 3), "", "", "", ""][:4]
        if kind.rpartition("$")[2] != schema.CUSTOMER:
            raise functions.not_found(kind.rpartition("$")[2], (schema.CUSTOMER,))
        return self.connection.lifecycle().within(
            deadline=getattr(request, "timeout", 0) or None,  # an older SDK and some requests have none
            hints=Hints(partial(_adopt, name), _alias, _UNKNOWN_OUTCOME),
            warn=lambda text: self.warn(text, request.urn),
            urn=request.urn,
        )


class _Old(NamedTuple):
    """What the engine stores of a resource: its outputs, completed by the inputs that were last applied."""

    state: State
    secret: frozenset[str]
    is_empty: bool


def _old(outputs: Struct, inputs: Struct) -> _Old:
    applied, stored = values.read(inputs), values.read(outputs)
    merged = {**applied.plain, **stored.plain}
    if applied.plain.get("type") != stored.plain.get("type") and same_type(
        State.recall(applied.plain), State.recall(stored.plain)
    ):
        # An import stores the API's name of the type. The program's name takes precedence.
        merged["type"] = applied.plain["type"]
    return _Old(State.recall(merged), applied.secret | stored.secret, not merged)


def _apply_ignore_changes(ignored: Iterable[str], news: Mapping[str, Any], old: State) -> dict[str, Any]:
    """Return the inputs with the old values of the properties that ``ignoreChanges`` names."""
    inputs, before = dict(news), old.properties()
    for path in ignored:
        for key in _INPUT_KEYS if path == "*" else (path,):
            if key in before:
                inputs[key] = before[key]
            elif key not in _REQUIRED_KEYS:
                inputs.pop(key, None)
    return inputs


def _partial(failure: OutcomeUnknown, shortname: str, news: Properties) -> Exception:
    if failure.partial_state is None:
        return failure
    return PartialStateError(
        provider_pb2.ErrorResourceInitFailed(
            id=shortname,
            properties=values.write(failure.partial_state, news.secret),
            reasons=[str(failure.with_reference())],
            inputs=values.write(news.plain, news.secret),
        )
    )
