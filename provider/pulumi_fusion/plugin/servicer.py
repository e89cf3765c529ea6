"""The methods of the provider protocol: here those that concern the provider and its configuration.

When the engine makes which call:
https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/providers/implementers-guide.html. The SDK's own
server (``pulumi.provider.experimental``) is not used, since it supports neither unknown values nor partial state,
detailed differences and lists.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any

from google.protobuf.empty_pb2 import Empty

from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.customer.secrecy import without_secrets
from pulumi_fusion.customer.stack import PLUGIN_TYPE
from pulumi_fusion.engine import Connection, once_per_text, show_warning
from pulumi_fusion.errors import InvalidInput
from pulumi_fusion.plugin import configuration, responses, schema, values
from pulumi_fusion.plugin.customers import CustomerCalls
from pulumi_fusion.plugin.functions import FunctionCalls
from pulumi_fusion.plugin.protocol import plugin_pb2, provider_pb2

__all__ = ["Servicer"]


class Servicer(CustomerCalls, FunctionCalls):
    """One provider in one run. Many threads call it at once.

    Args:
        engine: The address of the engine, "" if it isn't known yet. Also an attribute, which the engine may change.
        warn: Shows a warning: its text, and the URN of a resource or "". By default the engine shows it.
    """

    def __init__(self, engine: str = "", *, warn: Callable[[str, str], None] | None = None) -> None:
        self.engine = engine
        self._cancelled = threading.Event()
        show = warn or self._show_warning
        self.warn = once_per_text(lambda text, urn="": show(text, urn))
        self._configure(lambda key: None)

    def _configure(self, config: Callable[[str], Any], unknown: Collection[str] = (), provider: str = "") -> None:
        self.connection = Connection(
            config,
            unknown,
            cancelled=self._cancelled,
            engine=lambda: self.engine,
            warn=self.warn,
            kind=PLUGIN_TYPE,
            provider=provider,
        )

    def _show_warning(self, text: str, urn: str) -> None:
        show_warning(self.engine, text, urn)

    def cancel(self) -> None:
        """End every wait. No request that changes anything is sent afterwards."""
        self._cancelled.set()

    # The provider.

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: Any
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Return which features of the protocol are supported; store the address of the engine."""
        self.engine = request.engine_address or self.engine
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: plugin_pb2.PluginAttach, context: Any) -> Empty:
        """Store the address of an engine that connects to this running process."""
        self.engine = request.address
        return Empty()

    def GetPluginInfo(self, request: Empty, context: Any) -> plugin_pb2.PluginInfo:
        """Return the version of the package, as semver."""
        return plugin_pb2.PluginInfo(version=schema.VERSION)

    def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Any) -> provider_pb2.GetSchemaResponse:
        """Return the schema. Raises InvalidInput for a format other than 0."""
        if request.version != 0:
            raise InvalidInput(
                "return the schema",
                f"only format 0 is supported, not {request.version}",
                next_step="Use another version of the Pulumi CLI or of pulumi-fusion.",
            )
        return provider_pb2.GetSchemaResponse(schema=schema.as_json())

    def GetMapping(self, request: provider_pb2.GetMappingRequest, context: Any) -> provider_pb2.GetMappingResponse:
        """Return nothing: this provider isn't bridged from another ecosystem."""
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: provider_pb2.GetMappingsRequest, context: Any) -> provider_pb2.GetMappingsResponse:
        """Return nothing, as GetMapping does."""
        return provider_pb2.GetMappingsResponse()

    def Cancel(self, request: Empty, context: Any) -> Empty:
        """End every call in progress within 2 seconds. The engine calls this at an interrupt and at the end."""
        self.connection.end()
        self.cancel()
        return Empty()

    # The configuration.

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Return all failures by key, or the unchanged inputs with the credential as a secret.

        The request's ``olds`` are the inputs of this provider in the state, if any.
        """
        news = values.read(request.news)
        # The engine names default providers "default", "default_1_2_3" and so on.
        default = request.urn.rpartition("::")[2].partition("_")[0] == "default"
        failures = configuration.check(news.plain, explicit=not default)
        if not failures and (other := configuration.other_account(values.read(request.olds).plain, news.plain)):
            failures.append(Failure("netosecret", f"{other.came_back}. {other.next_step}"))
        if failures:
            secret = news.secret | {"netosecret"}
            unquoted = [without_secrets(failure, secret, news.plain) for failure in failures]
            return provider_pb2.CheckResponse(failures=responses.failures(unquoted))
        # Values from the environment must not be written to the state.
        return provider_pb2.CheckResponse(inputs=values.write(news.plain, news.secret | {"netosecret"}))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Return which keys changed; none of them replaces anything.

        The engine also compares two providers if a resource moves from one to the other, and only the new one was
        checked. Raises SettingsError if the new one belongs to another account.
        """
        olds = configuration.given(values.read(request.old_inputs).plain or values.read(request.olds).plain)
        news = configuration.given(values.read(request.news).plain)
        if other := configuration.other_account(olds, news):
            raise other
        changed = [key for key in sorted({*olds, *news}) if olds.get(key) != news.get(key)]
        return responses.difference(
            {key: responses.kind(olds.get(key), news.get(key), replaces=False) for key in changed}, inputs=set(changed)
        )

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        """Use these settings, and those of the environment for the ones that are missing. Nothing is sent."""
        # An older engine only sends the variables, by the keys of the stack configuration.
        given: dict[str, Any] = {key.partition(":config:")[2]: value for key, value in request.variables.items()}
        given |= values.read(request.args).plain
        unknown = {key for key, value in given.items() if value is UNKNOWN}
        self._configure({f"fusion:{key}": value for key, value in given.items()}.get, unknown, request.urn)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)
