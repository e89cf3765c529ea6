"""The emulator as a Python object, from its start to its stop."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from fusion_emulator.app import affected_routes
from fusion_emulator.bodies import PARTS
from fusion_emulator.clock import Clock
from fusion_emulator.data import EmulatorData
from fusion_emulator.documents import InvalidStateError
from fusion_emulator.errors import Refused
from fusion_emulator.faults import Faults
from fusion_emulator.ids import random_id, seeded
from fusion_emulator.journal import Journal
from fusion_emulator.listening import Address, resolve
from fusion_emulator.loopback import LOOPBACK
from fusion_emulator.page.state import PageState
from fusion_emulator.server import Server
from fusion_emulator.service import Service
from fusion_emulator.state import State
from fusion_emulator.store import StateFile
from fusion_emulator.switches import Switches, UnknownSwitch

__all__ = ["Emulator"]


class Emulator(EmulatorData):
    """The Fusion customers API on this machine, from ``start`` (or ``with``) to ``stop``."""

    def __init__(
        self,
        switches: Switches | None = None,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        allow_remote: bool = False,
        state: Path | None = None,
        log: TextIO | None = None,
        faults: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
        seed: int | None = None,
        audit: Path | None = None,
    ) -> None:
        """Prepare an emulator.

        Args:
            switches: The rules that the vendor does not publish.
            host: The address to listen on, or a name of it.
            port: The port; 0 chooses a free one, which is used again after a stop.
            allow_remote: Whether other machines may reach the host, and with it everything in the emulator.
            state: A file that stores the accounts; None keeps them in memory as long as this object exists.
            log: Receives a line per request.
            faults: Lines of the fault grammar.
            clock: Returns Unix seconds.
            seed: A whole number from 0 that determines all ids; None for random ones.
            audit: The file in which its users record masquerade sessions, which its page shows.

        Raises:
            HostError: The host is unknown, or one that other machines reach without ``allow_remote``.
            MalformedFault: A line is not a fault.
            ValueError: The seed is another value.
        """
        self.faults = Faults(faults, routes=affected_routes())
        self.requests = Journal(log)
        self.page_state = PageState(audit)
        self._switches = switches or Switches()
        self._address = resolve(host, allow_remote=allow_remote)
        self._port = port
        self._path = state
        self._clock = clock
        self._mint = random_id if seed is None else seeded(seed)
        self._file: StateFile | None = None
        self._service: Service | None = None
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._started = 0.0
        # What the emulator had at its start.
        self._first_state: State | None = None
        self._first_faults: list[str] = []
        self._first_switches = self._switches

    def __enter__(self) -> Emulator:
        """Start the emulator."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the emulator."""
        self.stop()

    def start(self) -> None:
        """Start to answer requests; return once they are answered.

        Raises:
            HostError: The host is not an address of this machine.
            PortInUse: Another process listens on the port.
            StateFileBusy: Another emulator uses the state file.
            StateFileUnreadable: The state file has another content.
        """
        if self._server is not None:
            return
        if self._path is not None:
            self._file = StateFile(self._path)
            self._switches, self._service = self.switches, None
        try:
            if self._service is None:
                self._service = Service(self._switches, file=self._file, clock=self._clock, mint=self._mint)
            server = Server(self._address, self._port, self._service, self)
        except BaseException:
            self._release()
            raise
        self._started = time.monotonic()
        self._first_state, self._first_switches = self._service.state, self._service.switches
        self._first_faults = [each.text for each in self.faults]
        self._port = server.server_address[1]
        self._server = server
        self._thread = threading.Thread(target=server.accept, name="fusion-emulator", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Drop the requests under way, end all threads and release the port and the state file."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        server.stop_accepting()
        thread.join()
        server.end()
        self._server = self._thread = None
        self._release()

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def port(self) -> int:
        """The port; 0 before the first start if none was chosen."""
        return self._port

    @property
    def url(self) -> str:
        """The address of the service for programs of this machine, without a path."""
        return f"http://{self._address.local}:{self._port}"

    @property
    def address(self) -> Address:
        """The address that the emulator listens on."""
        return self._address

    @property
    def page_url(self) -> str:
        """The address of the page for a browser."""
        return f"{self.url}/_emulator/"

    @property
    def netosecret(self) -> str:
        """The credential of the root account, with this address in it."""
        state = self._running.state
        root = state.accounts[state.root]
        return self._credential(root, state.keys[state.own_key])

    @property
    def switches(self) -> Switches:
        """The active switches; assign, or use ``switch``, to change them while requests run."""
        return self._service.switches if self._service else self._switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self._switch(lambda _: switches)

    def switch(self, /, **changes: Any) -> None:
        """Change some switches, or raise UnknownSwitch."""
        self._switch(lambda present: present.changed(changes))

    def switch_by_text(self, setting: str) -> None:
        """Change the switch of a text ``name=value``, or raise UnknownSwitch."""
        self._switch(lambda present: present.with_text(setting))

    def _switch(self, change: Callable[[Switches], Switches]) -> None:
        if self._service is not None:
            self._service.switch(change)
        else:
            self._switches = change(self._switches)

    @property
    def clock(self) -> Clock:
        """The clock of the service, which can be moved."""
        return self._running.clock

    def reset(self, only: Collection[str] = PARTS) -> None:
        """Return to what the emulator had at its start, where NETOSECRET stays valid and access tokens end.

        Args:
            only: Names of parts, which are reset alone: ``accounts`` (with users, API keys and mails), ``faults``,
                ``switches``, ``requests`` and ``clock``.

        Raises:
            Refused: There is no such part, or the accounts break the rule of a switch (400), or cannot be stored (500).
        """
        unknown = [each for each in only if each not in PARTS]
        if unknown:
            raise Refused(400, f"only: there is no part {unknown[0]!r} (there are: {', '.join(PARTS)})")
        switches = self._first_switches if "switches" in only else None
        try:
            if "accounts" in only:
                self._reset_accounts(switches)
            elif switches is not None:
                self.switches = switches
        except (InvalidStateError, UnknownSwitch) as refused:
            raise Refused(400, str(refused)) from None
        if "faults" in only:
            self.faults.clear()
            self.faults.extend(self._first_faults)
        if "requests" in only:
            self.requests.clear()
        if "clock" in only:
            self.clock.reset()

    def _reset_accounts(self, switches: Switches | None) -> None:
        """Give the accounts of the start, and the switches unless there are none."""

        def make(state: State) -> State:
            first = self._first_state or state
            # Used request tokens stay used, and the numbers of access tokens too.
            return dataclasses.replace(first, sessions={}, issued=state.issued, seen=state.seen)

        self._running.replace(make, switches=switches)

    @property
    def uptime(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self._started

    @property
    def stores(self) -> bool:
        """Whether a state file stores the accounts."""
        return self._path is not None
