"""The functions that a program can call, and the lists of `pulumi do`. They read customers without managing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from pulumi_fusion.customer.mapping import merge, same_text
from pulumi_fusion.customer.model import FIELDS, Account, State
from pulumi_fusion.customer.names import UNKNOWN, state_key
from pulumi_fusion.customer.rules import Failure, nearest, text
from pulumi_fusion.customer.secrecy import without_secrets
from pulumi_fusion.documentation import more
from pulumi_fusion.engine import Connection
from pulumi_fusion.errors import InvalidInput, NotFound
from pulumi_fusion.operations.cache import LONGEST_LIST
from pulumi_fusion.operations.service import Service
from pulumi_fusion.plugin import responses, schema, values
from pulumi_fusion.plugin.protocol import provider_pb2, provider_pb2_grpc
from pulumi_fusion.plugin.values import Properties

__all__ = ["FunctionCalls", "not_found"]

Warn = Callable[[str], None]


def _properties(account: Account) -> dict[str, Any]:
    known = merge(account, State()).properties()
    return known if account.children is None else {**known, "children": account.children}


def _get_customer(service: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    try:
        return _properties(service.get_customer(arguments["shortname"]))
    except NotFound as absent:
        advice = "`pulumi-fusion customers` lists the existing shortnames."
        raise absent.replace(attempted="look up the customer", next_step=advice) from None


def _get_customers(service: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    return {"customers": list(_matching(service, arguments, warn))}


def _get_customer_types(service: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    return {"types": [each.model_dump(exclude_none=True) for each in service.list_customer_types()]}


_FUNCTIONS: Final[Mapping[str, Callable[[Service, Mapping[str, Any], Warn], dict[str, Any]]]] = {
    schema.GET_CUSTOMER: _get_customer,
    schema.GET_CUSTOMERS: _get_customers,
    schema.GET_CUSTOMER_TYPES: _get_customer_types,
}


def _matching(service: Service, filters: Mapping[str, Any], warn: Warn) -> Iterator[dict[str, Any]]:
    """Yield the listed customers that have every value of ``filters``, which are by state key, sorted by shortname.

    A field that the service does not show matches no filter.
    """
    listed = service.list_customers()
    if len(listed) >= LONGEST_LIST:
        reference = more("troubleshooting", "the-list-is-full")
        warn(
            f"the service lists {LONGEST_LIST} customers at most, so there may be more than the ones found. {reference}"
        )
    for account in sorted(listed, key=lambda account: account.shortname):
        known = _properties(account)
        if all(same_text(known.get(key), value) for key, value in filters.items()):
            yield known


def _argument_failures(token: str, arguments: Properties) -> list[Failure]:
    """Return the failures of the arguments of a function or a list, without secrets. Unknown values pass."""
    allowed = {schema.GET_CUSTOMER: ("shortname",), schema.GET_CUSTOMER_TYPES: ()}.get(token, schema.FILTERS)
    names = {state_key(name): name for name in allowed}
    failures = []
    for key, value in arguments.plain.items():
        if key not in names:
            failures.append(
                Failure(
                    key, f"{key!r} isn't an argument here{nearest(key, names)}; there are {', '.join(names) or 'none'}"
                )
            )
        elif value is not UNKNOWN:
            # The parent is an output without a rule; its shortname may be shorter than that of a customer.
            rule = FIELDS[names[key]].rule if names[key] in FIELDS else text
            try:
                rule(value)
            except ValueError as wrong:
                failures.append(Failure(key, f"{key} {wrong}"))
    if token == schema.GET_CUSTOMER and "shortname" not in arguments.plain:
        failures.append(Failure("shortname", "shortname is required"))
    return [without_secrets(failure, arguments.secret, arguments.plain) for failure in failures]


def not_found(token: str, existing: Iterable[str]) -> InvalidInput:
    """Return the error for a resource or function that the schema doesn't have."""
    return InvalidInput(
        "find a resource or function of this provider",
        f"it has no {token!r}",
        next_step=f"It has {', '.join(existing)}.",
    )


class FunctionCalls(provider_pb2_grpc.ResourceProviderServicer):
    """The calls of functions and lists. A subclass sets the attributes, as of CustomerCalls."""

    connection: Connection
    warn: Callable[..., None]

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Any) -> provider_pb2.InvokeResponse:
        """Call a function of the schema. With an unknown argument the response is empty."""
        if request.tok not in _FUNCTIONS:
            raise not_found(request.tok, _FUNCTIONS)
        arguments, response = values.read(request.args), provider_pb2.InvokeResponse()
        if failures := _argument_failures(request.tok, arguments):
            response.failures.extend(responses.failures(failures))
        elif UNKNOWN not in arguments.plain.values():
            found = _FUNCTIONS[request.tok](self._service(), arguments.plain, self.warn)
            getattr(response, "return").CopyFrom(values.write(found))  # `return` is a keyword of Python
        return response

    def List(self, request: provider_pb2.ListRequest, context: Any) -> Iterator[provider_pb2.ListResponse]:
        """Yield the customers that match, sorted by shortname, for `pulumi do`."""
        if request.token != schema.CUSTOMER:
            raise not_found(request.token, (schema.CUSTOMER,))
        filters = values.read(request.query)
        for failure in _argument_failures(request.token, filters):
            raise InvalidInput("list the customers", failure.reason, next_step="Correct the query and run it again.")
        if UNKNOWN in filters.plain.values():
            yield provider_pb2.ListResponse(computed=provider_pb2.ListResponse.Computed())
            return
        # The service returns all in one response, so there is one page.
        for found in islice(
            _matching(self._service(), filters.plain, self.warn), request.limit if request.limit > 0 else None
        ):
            result = provider_pb2.ListResponse.Result(id=found["shortname"], name=found["shortname"])
            yield provider_pb2.ListResponse(result=result)

    def _service(self) -> Service:
        return self.connection().within(self.connection.deadline(self.connection.settings.deadline))
