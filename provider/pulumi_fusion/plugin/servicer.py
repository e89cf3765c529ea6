"""The provider behind the protocol: what it tells of itself, its configuration, and who answers for customers.

When the engine calls what:
https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/providers/implementers-guide.html. The SDK's own
server (``pulumi.provider.experimental``) is not used: it knows no unknown values, no partial state, no detailed
differences and no lists.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

from google.protobuf.empty_pb2 import Empty

from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.customer.secrecy import without_secrets
from pulumi_fusion.customer.stack import PLUGIN_TYPE
from pulumi_fusion.customer.words import UNKNOWN
from pulumi_fusion.engine import Connection, once, say
from pulumi_fusion.errors import InvalidInput
from pulumi_fusion.operations.service import Service
from pulumi_fusion.plugin import configuration, findings, values
from pulumi_fusion.plugin.customers import Customers
from pulumi_fusion.plugin.protocol import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi_fusion.plugin.version import plugin_version

__all__ = ["Servicer"]


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One provider of one run. Its calls come from many threads at once.

    ``engine`` is the address of the engine that takes the warnings, "" where none is known yet.
    """

    def __init__(self, engine: str = "") -> None:
        self._engine = engine
        self._cancelled = threading.Event()
        self._warn = once(self._say)
        self._configure(lambda key: None)

    def _configure(self, config: Callable[[str], Any], unknown: Collection[str] = (), provider: str = "") -> None:
        self._connection = Connection(
            config,
            unknown,
            cancelled=self._cancelled,
            engine=lambda: self._engine,
            warn=self._warn,
            kind=PLUGIN_TYPE,
            provider=provider,
        )

    def _say(self, sentence: str, urn: str = "") -> None:
        say(self._engine, sentence, urn)

    def cancel(self) -> None:
        """End every wait; no request that changes anything follows."""
        self._cancelled.set()

    # The provider as such.

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: Any
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Tell what of the protocol is understood; the engine's address is where warnings go."""
        self._engine = request.engine_address or self._engine
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: plugin_pb2.PluginAttach, context: Any) -> Empty:
        """An engine takes over a process that runs already."""
        self._engine = request.address
        return Empty()

    def GetPluginInfo(self, request: Empty, context: Any) -> plugin_pb2.PluginInfo:
        """Return the version of the package, as semver."""
        return plugin_pb2.PluginInfo(version=plugin_version())

    def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: Any) -> provider_pb2.GetSchemaResponse:
        """The schema. Raises InvalidInput for another format than 0."""
        if request.version != 0:
            raise InvalidInput(
                "tell the schema",
                f"only its format 0 is known, not {request.version}",
                next_step="Use another version of the Pulumi CLI or of pulumi-fusion.",
            )
        from pulumi_fusion.plugin import schema  # made from the models, and needed by no operation

        return provider_pb2.GetSchemaResponse(schema=schema.as_json())

    def GetMapping(self, request: provider_pb2.GetMappingRequest, context: Any) -> provider_pb2.GetMappingResponse:
        """None: nothing of another ecosystem stands behind this provider."""
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: provider_pb2.GetMappingsRequest, context: Any) -> provider_pb2.GetMappingsResponse:
        """None, likewise."""
        return provider_pb2.GetMappingsResponse()

    def Cancel(self, request: Empty, context: Any) -> Empty:
        """End every call under way within 2 seconds: an interrupt, or the end of the run, when none is."""
        self._connection.end()
        self.cancel()
        return Empty()

    # Its configuration.

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Return every wrong setting by its key, or the inputs as they came, the credential as a secret.

        ``olds`` are the inputs that the state holds of this provider, if any.
        """
        news = values.read(request.news)
        # The engine calls its own ones "default", "default_1_2_3" and so on.
        default = request.urn.rpartition("::")[2].partition("_")[0] == "default"
        failures = configuration.check(news.plain, explicit=not default)
        if not failures and (other := configuration.other_account(values.read(request.olds).plain, news.plain)):
            failures.append(Failure("netosecret", f"{other.came_back}. {other.next_step}"))
        if failures:
            secret = news.secret | {"netosecret"}
            unquoted = [without_secrets(failure, secret, news.plain) for failure in failures]
            return provider_pb2.CheckResponse(failures=findings.failures(unquoted))
        # As they came: what the environment says must not get into the state.
        return provider_pb2.CheckResponse(inputs=values.write(news.plain, news.secret | {"netosecret"}))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Return which keys changed; none of them replaces anything.

        The engine asks this too about a resource that moves from one provider to another, and of these two only the
        new one was checked. Raises SettingsError if the new one belongs to another account.
        """
        olds = configuration.given(values.read(request.old_inputs).plain or values.read(request.olds).plain)
        news = configuration.given(values.read(request.news).plain)
        if other := configuration.other_account(olds, news):
            raise other
        changed = [key for key in sorted({*olds, *news}) if olds.get(key) != news.get(key)]
        return findings.difference(
            {key: findings.kind(olds.get(key), news.get(key), replaces=False) for key in changed}, inputs=set(changed)
        )

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        """Take the settings, and what they leave open from the environment of this run. Nothing is sent."""
        # An older engine sends the variables alone, under the keys of the stack's configuration.
        given: dict[str, Any] = {key.partition(":config:")[2]: value for key, value in request.variables.items()}
        given |= values.read(request.args).plain
        unknown = {key for key, value in given.items() if value is UNKNOWN}
        self._configure({f"fusion:{key}": value for key, value in given.items()}.get, unknown, request.urn)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # A customer's life and the look-ups.

    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Every failure at once, by property; the inputs with their defaults, unknown values as they came."""
        return self._customers().check(request)

    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """What `up` would change, by property and kind."""
        return self._customers().diff(request)

    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        """Create the customer, its id being the shortname; a preview tells what is known."""
        return self._customers().create(request)

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """The live state and inputs, for a refresh or an import; an empty id for one that is proved to be gone."""
        return self._customers().read(request)

    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        """Bring the customer in line, or finish what was left in doubt. Raises PartialState, FusionError."""
        return self._customers().update(request)

    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> Empty:
        """Delete the customer; one that is gone already is a success. Raises FusionError."""
        return self._customers().delete(request)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Any) -> provider_pb2.InvokeResponse:
        """A function of the schema; what is not known yet has an empty answer."""
        return self._customers().invoke(request)

    def List(self, request: provider_pb2.ListRequest, context: Any) -> Iterator[provider_pb2.ListResponse]:
        """The customers that match, by shortname, for `pulumi do`."""
        return self._customers().list(request)

    def _service(self) -> Service:
        return self._connection().within(self._connection.deadline(self._connection.settings.deadline))

    def _customers(self) -> Customers:
        return Customers(self._connection.lifecycle(), self._service, self._warn)
