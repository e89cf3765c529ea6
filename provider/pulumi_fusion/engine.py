"""What both faces have to do with the engine: its configuration becomes a life cycle, its log takes our warnings."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import FusionError, MissingSetting, presentable
from pulumi_fusion.forking import Lock
from pulumi_fusion.operations.service import Service
from pulumi_fusion.settings import Settings

if TYPE_CHECKING:
    from pulumi_fusion.customer.stack import Stack
    from pulumi_fusion.operations.lifecycle import Lifecycle

__all__ = ["Connection", "is_reachable", "once", "say"]

# How long to wait for an engine that is busy to accept a connection.
_ENGINE_SECONDS: Final = 1.0


class Connection:
    """The service under the settings of a run: nothing is sent before the first call, all calls share one client.

    ``config`` looks up a key such as ``fusion:apiUrl`` in what the engine gives; ``unknown`` are the keys whose values
    it does not know yet; setting ``cancelled`` ends all waits; ``engine`` returns the address of the engine, ``kind``
    is the type of the frontend's resource and ``provider`` the URN of its provider, each "" where it isn't known;
    ``more`` are further arguments of the life cycle there.
    Settings that cannot be read fail what needs them, by name.
    """

    def __init__(
        self,
        config: Callable[[str], Any],
        unknown: Collection[str] = (),
        *,
        cancelled: threading.Event | None = None,
        engine: Callable[[], str] = lambda: "",
        kind: str = "",
        provider: str = "",
        **more: Any,
    ) -> None:
        self._lock = Lock()
        self._gateway: Service | None = None
        self._lifecycle: Lifecycle | None = None
        self._cancelled = cancelled or threading.Event()
        self._alive = lambda: is_reachable(engine())
        self._place = (kind, provider)
        self._more = more
        self._wrong: FusionError | None = None
        if unknown:
            # Another source must not stand in for what is given here: it may name another account.
            self.settings = Settings(preflight="off")
            self._wrong = MissingSetting(
                "reach the service",
                f"{', '.join(sorted(unknown))} of the provider will be known after other resources were made",
                next_step="Nothing was sent. It is known when `pulumi up` gets there.",
            )
            return
        try:
            self.settings = Settings.resolve(config=config)
        except FusionError as failure:
            self.settings = Settings()
            self._wrong = failure

    def __call__(self) -> Service:
        """The service's verbs. Raises SettingsError."""
        with self._lock:
            return self._connected()

    def _connected(self) -> Service:
        # Imported here: the user's program imports a face too and has no need of an HTTP stack.
        from pulumi_fusion.api.client import FusionClient

        if self._wrong is not None:
            raise self._wrong.during(self._wrong.attempted)
        if self._gateway is None:
            self._gateway = FusionClient(self.settings)
        return self._gateway

    def lifecycle(self) -> Lifecycle:
        """Return the life cycle of customers there, the same one for all calls."""
        with self._lock:
            if self._lifecycle is None:
                from pulumi_fusion.operations.lifecycle import Lifecycle

                self._lifecycle = Lifecycle(
                    self,
                    deadline=self.settings.deadline,
                    mode=self.settings.preflight,
                    account_source=self._account_source(),
                    cancelled=self._cancelled,
                    alive=self._alive,
                    stack=_stack_of_run(*self._place),
                    **self._more,
                )
            return self._lifecycle

    def end(self) -> None:
        """Say what is said once for a whole run."""
        with self._lock:
            lifecycle = self._lifecycle
        if lifecycle is not None:
            lifecycle.end()

    def _account_source(self) -> str:
        sources = self.settings.sources
        source = sources.get("account") or sources.get("netosecret", "")
        _, provider = self._place
        name = provider.rpartition("::")[2]
        if name and not name.startswith("default"):
            # An explicit provider is configured by the same keys as the stack.
            return source.replace("stack configuration", f"the provider {name!r} or stack configuration")
        return source

    def deadline(self, seconds: float) -> Deadline:
        """Return the end of an operation that may take so long, and that ends with the engine."""
        return Deadline(seconds, cancelled=self._cancelled, alive=self._alive)


def _stack_of_run(kind: str, provider: str) -> Stack:
    """Return what is known of the stack that the engine works on; see :class:`~pulumi_fusion.customer.stack.Stack`."""
    # Imported here: the user's program imports this module as well.
    from pulumi_fusion import pulumi_command
    from pulumi_fusion.customer.stack import Stack

    command = pulumi_command.find()
    if command is None:
        return Stack(kind=kind, provider=provider)
    # `pulumi do` works without a stack.
    read = None if command.verb == "do" else command.state
    return Stack(read, command.summary(os.environ), kind, provider)


def is_reachable(address: str) -> bool:
    """Return whether the engine still listens at its address. One that was killed can't tell its providers.

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


def say(address: str, sentence: str, urn: str = "") -> None:
    """Show a warning among the diagnostics of the run, at the resource ``urn`` where one is given.

    The engine shows nothing that a provider writes to stderr, but it shows what is logged at its address, which a
    provider is started with (https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/plugins.html).
    """
    # Imported here: the user's program has a connection to the engine already.
    import grpc
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

    sentence = presentable(sentence)
    with contextlib.suppress(grpc.RpcError):
        if address:
            # Without the option grpc asks the environment's http proxy for loopback as well.
            with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
                engine_pb2_grpc.EngineStub(channel).Log(
                    engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=sentence, urn=urn), timeout=5
                )
            return
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - stdout carries the port and nothing else


def once(say: Callable[..., None]) -> Callable[..., None]:
    """``say(sentence, ...)`` that says each sentence once per run, however many customers it concerns."""
    said: dict[str, object] = {}

    def warn(sentence: str, *where: Any) -> None:
        mine = object()
        if said.setdefault(sentence, mine) is mine:  # one step, so that of several threads one alone finds its own
            say(sentence, *where)

    return warn
