"""What both frontends need of the engine: the customers under its settings, and its log for warnings."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import FusionError, MissingSetting, SettingsError, presentable
from pulumi_fusion.forking import Lock
from pulumi_fusion.operations.service import Service
from pulumi_fusion.settings import Settings

if TYPE_CHECKING:
    from pulumi_fusion.customer.stack import Stack
    from pulumi_fusion.operations.deletions import Deletions, Limit
    from pulumi_fusion.operations.lifecycle import Lifecycle

__all__ = ["Connection", "is_reachable", "once_per_text", "show_warning"]

# Seconds to wait until a busy engine accepts a connection.
_ENGINE_SECONDS: Final = 1.0

# Seconds that reading the stack's configuration may take, by a request if the backend is a service.
_CONFIGURATION_SECONDS: Final = 20.0

_MAX_DELETES: Final = "fusion:maxDeletes"


def _client(settings: Settings) -> Service:
    # Imported here: the user's program imports this module too and needs no HTTP library.
    from pulumi_fusion.api.client import FusionClient

    return FusionClient(settings)


class Connection:
    """The service under the settings of a run. All calls share one client, which is created at the first of them.

    Settings that cannot be read raise an error in each call that needs them.

    Args:
        config: Returns the engine's value for a key such as ``fusion:apiUrl``, or None.
        unknown: The keys whose values the engine does not know yet.
        connect: Returns a client for the settings.
        cancelled: Setting it ends all waits.
        engine: Returns the address of the engine, "" if unknown.
        kind: The type token of the frontend's resource, "" if unknown.
        provider: The URN of the provider, "" if unknown.
        warn: Shows a warning.
        deletions: Counts the deletions of the run; by default those by this connection.
    """

    def __init__(
        self,
        config: Callable[[str], Any],
        unknown: Collection[str] = (),
        *,
        connect: Callable[[Settings], Service] = _client,
        cancelled: threading.Event | None = None,
        engine: Callable[[], str] = lambda: "",
        kind: str = "",
        provider: str = "",
        warn: Callable[[str], None] = lambda text: None,
        deletions: Deletions | None = None,
    ) -> None:
        self._lock = Lock()
        self._connect = connect
        self._service: Service | None = None
        self._lifecycle: Lifecycle | None = None
        self._cancelled = cancelled or threading.Event()
        self._alive = lambda: is_reachable(engine())
        self._kind = kind
        self._provider = provider
        self._warn = warn
        self._deletions = deletions
        self._config = config
        self._limit: Limit | None = None
        self._limit_lock = Lock()
        self._error: FusionError | None = None
        if unknown:
            # No other source may replace an unknown value: it may name another account.
            self.settings = Settings(preflight="off")
            self._error = MissingSetting(
                "reach the service",
                f"the provider's {', '.join(sorted(unknown))} can't be known until other resources are created",
                next_step="Nothing was sent. `pulumi up` creates those resources first.",
            )
            return
        try:
            self.settings = Settings.resolve(config=config)
        except FusionError as failure:
            self.settings = Settings()
            self._error = failure

    def __call__(self) -> Service:
        """Return the client. Raises SettingsError."""
        with self._lock:
            if self._error is not None:
                raise self._error.during(self._error.attempted)
            if self._service is None:
                self._service = self._connect(self.settings)
            return self._service

    def lifecycle(self) -> Lifecycle:
        """Return the Lifecycle of the customers, the same one for all calls."""
        with self._lock:
            if self._lifecycle is None:
                from pulumi_fusion.operations.lifecycle import Lifecycle

                self._lifecycle = Lifecycle.of_run(
                    self,
                    deadline=self.settings.deadline,
                    mode=self.settings.preflight,
                    account_source=self._account_source(),
                    cancelled=self._cancelled,
                    alive=self._alive,
                    stack=_stack_of_run(self._kind, self._provider),
                    warn=self._warn,
                    deletions=self._deletions,
                    deletion_limit=self._deletion_limit,
                )
            return self._lifecycle

    def end(self) -> None:
        """Show the warnings that summarise a whole run."""
        with self._lock:
            lifecycle = self._lifecycle
        if lifecycle is not None:
            lifecycle.end()

    def _deletion_limit(self) -> Limit:
        """Return how many customers this run may delete. Raises SettingsError."""
        from pulumi_fusion.operations.deletions import Limit

        with self._limit_lock:
            if self._limit is None:
                settings = self._settings_with_current_limit()
                source = self._with_provider(settings.sources.get("max_deletes", ""))
                self._limit = Limit(settings.max_deletes, source)
            return self._limit

    def _settings_with_current_limit(self) -> Settings:
        """Return settings whose limit on deletions is that of the stack's current configuration.

        The engine passes the configuration of the last `pulumi up` to the provider of a destroy, and of a program that
        has no customers any more.

        Raises SettingsError if the limit is invalid, or a secret.
        """
        # Imported here: the user's program imports this module too.
        from pulumi_fusion import pulumi_command

        given = self._config(_MAX_DELETES)
        command = None if self._explicit_name() and given is not None else pulumi_command.find()
        # `pulumi do` works without a stack.
        if command is None or command.verb == "do":
            return self.settings
        current = command.configuration(_CONFIGURATION_SECONDS)
        if current is None:
            return self.settings
        if current.get(_MAX_DELETES, "") is None:
            raise SettingsError(
                "read how many customers this run may delete",
                "fusion:maxDeletes is a secret, whose current value can't be read here",
                next_step="Nothing was sent. Set it without --secret and run it again.",
            )
        return Settings.resolve(config={_MAX_DELETES: current.get(_MAX_DELETES)}.get)

    def _account_source(self) -> str:
        sources = self.settings.sources
        return self._with_provider(sources.get("account") or sources.get("netosecret", ""))

    def _with_provider(self, source: str) -> str:
        """Return the source of a setting, with the name of an explicit provider: it has the same keys as the stack."""
        if name := self._explicit_name():
            return source.replace("stack configuration", f"the provider {name!r} or stack configuration")
        return source

    def _explicit_name(self) -> str:
        """Return the name of an explicit provider, or "" for a default one."""
        name = self._provider.rpartition("::")[2]
        return "" if name.startswith("default") else name

    def deadline(self, seconds: float) -> Deadline:
        """Return the deadline of an operation that may take so many seconds, and that ends with the engine."""
        return Deadline(seconds, cancelled=self._cancelled, alive=self._alive)


def _stack_of_run(kind: str, provider: str) -> Stack:
    """Return what is known of the engine's stack."""
    # Imported here: the user's program imports this module too.
    from pulumi_fusion import pulumi_command
    from pulumi_fusion.customer.stack import Stack

    command = pulumi_command.find()
    if command is None:
        return Stack(kind=kind, provider=provider)
    # `pulumi do` works without a stack.
    read = None if command.verb == "do" else command.state
    return Stack(read, command.summary(os.environ), kind, provider)


def is_reachable(address: str) -> bool:
    """Return whether the engine still listens at its address. An engine that was killed can't notify its providers.

    An address that isn't known or isn't ``host:port`` counts as reachable.
    """
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return True
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ENGINE_SECONDS).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def show_warning(address: str, text: str, urn: str = "") -> None:
    """Show a warning in the output of the run, at the resource ``urn`` if one is given.

    The engine doesn't show what a provider writes to stderr, but what is logged at its address
    (https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/plugins.html). Without an address the warning
    is written to stderr.
    """
    # Imported here: the user's program has a connection to the engine already.
    import grpc
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

    text = presentable(text)
    with contextlib.suppress(grpc.RpcError):
        if address:
            # Without the option grpc uses the http proxy of the environment for loopback too.
            with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
                engine_pb2_grpc.EngineStub(channel).Log(
                    engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=text, urn=urn), timeout=5
                )
            return
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the engine reads the port from stdout


def once_per_text(show: Callable[..., None]) -> Callable[..., None]:
    """Return ``show(text, ...)`` restricted to the first call with each text, however many customers it concerns."""
    shown: dict[str, object] = {}

    def show_once(text: str, *where: Any) -> None:
        mine = object()
        if shown.setdefault(text, mine) is mine:  # atomic, so only one of several threads shows it
            show(text, *where)

    return show_once
