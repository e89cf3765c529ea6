"""A customer's life and the look-ups: each call is turned into plain values, given to the core, and written back.

When the engine calls what:
https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/providers/implementers-guide.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from pulumi_fusion.customer.changes import UNKNOWN, Kind
from pulumi_fusion.customer.desired import to_apply, to_create
from pulumi_fusion.customer.hints import Hints
from pulumi_fusion.customer.mapping import same_type
from pulumi_fusion.customer.model import Inputs, State, state_key
from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.customer.secrecy import without_secrets
from pulumi_fusion.errors import InvalidInput, OutcomeUnknown
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.service import Service
from pulumi_fusion.plugin import findings, lookups, schema, values
from pulumi_fusion.plugin.answers import PartialState
from pulumi_fusion.plugin.protocol import provider_pb2
from pulumi_fusion.plugin.values import Properties

__all__ = ["Customers"]

# Whatever the program does, an update changes none of these.
_STABLE: Final = tuple(state_key(name) for name in ("customer_id", "email", "given_name", "family_name"))

_INPUT_KEYS: Final = frozenset(map(state_key, Inputs.model_fields))
_REQUIRED_KEYS: Final = frozenset(state_key(name) for name, field in Inputs.model_fields.items() if field.is_required())


_UNKNOWN_OUTCOME: Final = (
    "The resource is saved as partially created. The next `pulumi up` checks whether the customer exists and completes "
    "or creates it; the state needs no editing."
)


def _adopt(name: str, shortname: str, customer_id: str | None) -> str:
    """How the plugin manages an existing customer."""
    adopt = "" if customer_id is None else f", or set adopt: {customer_id} on the resource"
    return (
        f"It isn't adopted automatically. If no stack manages it, run `pulumi import {schema.CUSTOMER} {name} "
        f"{shortname}`{adopt}; otherwise choose another shortname."
    )


def _alias(urn: str) -> str:
    return f'aliases: ["{urn}"]'


class Customers:
    """The calls about customers, one method for each of the protocol's.

    ``connect`` gives the service's verbs to a look-up, ``warn(sentence, urn)`` shows a warning at a resource.
    """

    def __init__(self, lifecycle: Lifecycle, connect: Callable[[], Service], warn: Callable[..., None]) -> None:
        self._lifecycle = lifecycle
        self._gateway = connect
        self._warn = warn

    def check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        """Every failure at once, by property; the inputs with their defaults, unknown values as they came."""
        name = _customer(request.urn)
        news, olds = values.read(request.news), values.read(request.olds)
        checked = self._bound(request.urn, name).check(news.plain, olds.plain or None)
        return provider_pb2.CheckResponse(
            inputs=values.write(checked.inputs, news.secret),
            failures=findings.failures(
                without_secrets(failure, news.secret | olds.secret, news.plain, olds.plain)
                for failure in checked.failures
            ),
        )

    def diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        """What `up` would change, by property and kind."""
        name = _customer(request.urn)
        old, asked = _old(request.olds, request.old_inputs), values.read(request.old_inputs).plain
        news = values.read(request.news)
        wanted = _honouring(request.ignoreChanges, news.plain, old.state)

        def warn(sentence: str) -> None:
            known = old.state.properties()
            masked = without_secrets(Failure("", sentence), old.secret | news.secret, wanted, known)
            self._warn(masked.reason, request.urn)

        found = self._bound(request.urn, name).within(warn=warn).diff(old.state, wanted)
        answer = findings.difference(
            {
                state_key(change.field): findings.kind(change.old, change.new, replaces=change.kind is Kind.REPLACE)
                for change in found
            },
            inputs={key for key in wanted if key in asked and asked[key] != wanted[key]},
        )
        if not answer.replaces:
            answer.stables.extend(_STABLE)
        return answer

    def create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        """Create the customer, its id being the shortname; a preview tells what is known.

        Raises PartialState, FusionError.
        """
        name = _customer(request.urn)
        news = values.read(request.properties)
        if request.preview:
            known = {key: value for key, value in news.plain.items() if value is not UNKNOWN}
            return provider_pb2.CreateResponse(properties=values.write(known, news.secret))
        inputs = to_create(news.plain, news.secret)
        try:
            state = self._bound(request.urn, name, request.timeout).create(inputs)
        except OutcomeUnknown as doubt:
            raise _partial(doubt, inputs.shortname, news) from None
        return provider_pb2.CreateResponse(
            id=inputs.shortname, properties=values.write(state.properties(), news.secret)
        )

    def read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        """The live state and inputs, for a refresh or an import; an empty id for one that is proved to be gone."""
        name = _customer(request.urn)
        # An older SDK has no timeout of reads.
        lifecycle = self._bound(request.urn, name, getattr(request, "timeout", 0))
        old, managed = _old(request.properties, request.inputs), values.read(request.inputs)
        # An import, and a resource that is only looked at, come with the id alone.
        # Of these two only the latter comes with inputs, if empty ones.
        imported = not request.HasField("inputs")
        state = lifecycle.read(request.id, old.state) if old.told else lifecycle.take_in(request.id, imported=imported)
        if state is None:
            return provider_pb2.ReadResponse()
        properties = state.properties()
        inputs = {key: value for key, value in properties.items() if key in _INPUT_KEYS}
        if managed.plain:
            # What the program does not manage is no input of it, whatever the service shows.
            inputs = {key: value for key, value in inputs.items() if key in managed.plain or key in _REQUIRED_KEYS}
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=values.write(properties, old.secret),
            inputs=values.write(inputs, old.secret),
        )

    def update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        """Bring the customer in line, or finish what was left in doubt. Raises PartialState, FusionError."""
        name = _customer(request.urn)
        old, news = _old(request.olds, request.old_inputs), values.read(request.news)
        wanted = _honouring(request.ignoreChanges, news.plain, old.state)
        if request.preview:
            known = {key: value for key, value in {**old.state.properties(), **wanted}.items() if value is not UNKNOWN}
            # What the service has not assigned yet may be there after the update.
            later = {key: UNKNOWN for key in ("ingestIp", "ingestPort") if key not in known}
            return provider_pb2.UpdateResponse(properties=values.write({**known, **later}, news.secret))
        asked = values.read(request.old_inputs).plain
        inputs = to_apply(wanted, asked, news.secret)
        try:
            state = self._bound(request.urn, name, request.timeout).update(old.state, inputs, State.recall(asked))
        except OutcomeUnknown as doubt:
            raise _partial(doubt, request.id, news) from None
        return provider_pb2.UpdateResponse(properties=values.write(state.properties(), news.secret))

    def delete(self, request: provider_pb2.DeleteRequest) -> Empty:
        """Delete the customer; one that is gone already is a success. Raises FusionError."""
        name = _customer(request.urn)
        old = _old(request.properties, request.old_inputs)
        self._bound(request.urn, name, request.timeout).delete(request.id, old.state)
        return Empty()

    # Look-ups.

    def invoke(self, request: provider_pb2.InvokeRequest) -> provider_pb2.InvokeResponse:
        """A function of the schema; what is not known yet has an empty answer."""
        if request.tok not in lookups.LOOKUPS:
            raise _no_such(request.tok, schema.FUNCTIONS)
        arguments = values.read(request.args)
        failures = lookups.wrong_filters(request.tok, arguments.plain)
        if failures:
            return provider_pb2.InvokeResponse(
                failures=findings.failures(
                    without_secrets(failure, arguments.secret, arguments.plain) for failure in failures
                )
            )
        if UNKNOWN in arguments.plain.values():
            return provider_pb2.InvokeResponse()
        found = lookups.LOOKUPS[request.tok](self._gateway(), arguments.plain, self._warn)
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(values.write(found))  # a word that Python keeps for itself
        return answer

    def list(self, request: provider_pb2.ListRequest) -> Iterator[provider_pb2.ListResponse]:
        """The customers that match, by shortname, for `pulumi do`."""
        if request.token != schema.CUSTOMER:
            raise _no_such(request.token, (schema.CUSTOMER,))
        filters = values.read(request.query)
        for failure in lookups.wrong_filters(request.token, filters.plain):
            wrong = without_secrets(failure, filters.secret, filters.plain)
            raise InvalidInput(
                "list the customers",
                wrong.reason,
                next_step="Correct the query and run it again.",
            )
        if UNKNOWN in filters.plain.values():
            yield provider_pb2.ListResponse(computed=provider_pb2.ListResponse.Computed())
            return
        # The service lists all at once, so there is one page: only a limit ends it sooner.
        for number, found in enumerate(lookups.matching(self._gateway(), filters.plain, self._warn)):
            if 0 < request.limit <= number:
                return
            result = provider_pb2.ListResponse.Result(id=found["shortname"], name=found["shortname"])
            yield provider_pb2.ListResponse(result=result)

    def _bound(self, urn: str, name: str, timeout: float = 0) -> Lifecycle:
        """The life cycle for a call: with its deadline, and with words and warnings that name its resource."""
        return self._lifecycle.within(
            deadline=timeout or None,
            hints=Hints(partial(_adopt, name), _alias, _UNKNOWN_OUTCOME),
            warn=lambda sentence: self._warn(sentence, urn),
            urn=urn,
        )


class _Old(NamedTuple):
    """What the engine keeps of a resource: what its outputs do not tell, the inputs last applied do."""

    state: State
    secret: frozenset[str]
    told: bool


def _old(outputs: Struct, inputs: Struct) -> _Old:
    last, kept = values.read(inputs), values.read(outputs)
    together = {**last.plain, **kept.plain}
    if last.plain.get("type") != kept.plain.get("type") and same_type(
        State.recall(last.plain), State.recall(kept.plain)
    ):
        # An import knows the API's word for it; the program's own word is the one to keep.
        together["type"] = last.plain["type"]
    return _Old(State.recall(together), last.secret | kept.secret, bool(together))


def _customer(urn: str) -> str:
    """The name of a customer in its program. Raises InvalidInput where it is another resource."""
    # urn:pulumi:<stack>::<project>::<types of the parents, $-separated>::<name>, and a name may hold anything.
    _, _, kind, name = [*urn.split("::", 3), "", "", "", ""][:4]
    if kind.rpartition("$")[2] != schema.CUSTOMER:
        raise _no_such(kind.rpartition("$")[2], (schema.CUSTOMER,))
    return name


def _no_such(token: str, there: Iterable[str]) -> InvalidInput:
    return InvalidInput(
        "find what the program names",
        f"this provider has no {token!r}",
        next_step=f"It has {', '.join(there)}.",
    )


def _honouring(ignored: Iterable[str], news: Mapping[str, Any], old: State) -> dict[str, Any]:
    """The inputs with the old values of what ``ignoreChanges`` names."""
    kept, before = dict(news), old.properties()
    for path in ignored:
        for key in _INPUT_KEYS if path == "*" else (path,):
            if key in before:
                kept[key] = before[key]
            elif key not in _REQUIRED_KEYS:
                kept.pop(key, None)
    return kept


def _partial(doubt: OutcomeUnknown, shortname: str, news: Properties) -> Exception:
    if doubt.handle is None:
        return doubt
    return PartialState(
        provider_pb2.ErrorResourceInitFailed(
            id=shortname,
            properties=values.write(doubt.handle, news.secret),
            reasons=[str(doubt)],
            inputs=values.write(news.plain, news.secret),
        )
    )
