"""The Python API of masquerade: ``with masquerade("acme-corp", reason="...") as session``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar, copy_context
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.errors import AuditIncomplete, SessionEnded, SessionRefused
from pulumi_fusion.sessions.access import Access, open_access
from pulumi_fusion.sessions.audit import AuditLog, default_path, identity, named_path
from pulumi_fusion.sessions.end_report import lasting_effects
from pulumi_fusion.sessions.request import ATTEMPTED, DEFAULT_DURATION, SessionRequest
from pulumi_fusion.sessions.subprocesses import Subprocesses

__all__ = ["Session", "masquerade"]

_log: Final = logging.getLogger(__name__)

_inside: Final[ContextVar[Access | None]] = ContextVar("pulumi_fusion_masquerade", default=None)


class Session:
    """A client that acts inside one customer until its block ends; it cannot be pickled, copied or made an output.

    Each verb returns the value in the service's response, without its envelope. It raises OutOfBounds for a request
    that the session doesn't allow, SessionEnded once the session is over, and RequestFailed as
    :class:`~pulumi_fusion.FusionClient` does. ``path`` is as in the vendor's reference: ``/api/v1/users``.
    """

    __slots__ = ("_access", "_skips", "_subprocesses")

    def __init__(self, access: Access | None, subprocesses: Subprocesses | None = None) -> None:
        self._access = access
        self._subprocesses = subprocesses
        self._skips = access is None

    @property
    def customer(self) -> str:
        """The shortname of the customer."""
        return self._open().customer.shortname

    @property
    def client(self) -> FusionClient:
        """A client whose typed methods act inside the customer: its own customers, its users."""
        return self._open().client

    def get(self, path: str) -> Any:
        """Send a GET."""
        return self.client.request("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Send a POST with a JSON body to a search or, in a session that may write, to any other route."""
        return self.client.request("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        """Send a PUT, in a session that may write."""
        return self.client.request("PUT", path, body)

    def delete(self, path: str) -> Any:
        """Send a DELETE, in a session that may write."""
        return self.client.request("DELETE", path)

    def remaining(self) -> float:
        """Return the seconds until the session ends, 0 after its end."""
        if self._access is None and not self._skips:
            return 0.0
        return self._open().term.remaining()

    def environ(self, *, keep: Collection[str] = ()) -> dict[str, str]:
        """Return the environment for a subprocess that acts in the session instead of with the real credential.

        A subprocess without it inherits the real credential of this process. In the returned environment, NETOSECRET is
        a synthetic credential that works only on this machine, inside the customer, within the bounds of the session
        and until it ends; the audit counts the requests of both together. All other Fusion settings are removed, and so
        are Pulumi's secrets, except those that ``keep`` names, and copies of the credential. Raises SessionEnded.

        ::

            subprocess.run(["./checkup.sh"], env=session.environ(), check=True)
        """
        self._open()
        assert self._subprocesses is not None  # noqa: S101 - set together with the access
        return self._subprocesses.environ(keep)

    def _open(self) -> Access:
        if self._skips:
            raise _SkippedError
        if self._access is None:
            raise SessionEnded("use the session", "a preview skipped it, and its block has ended")
        return self._access

    def _end_skipped(self) -> None:
        """Record that the block has ended: a later use raises SessionEnded instead of skipping."""
        self._skips = False

    def __repr__(self) -> str:
        return "Session(skipped)" if self._access is None else f"Session({self._access.customer.shortname!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Session can't be pickled or copied: it ends with its block")


class _SkippedError(Exception):
    """Ends the block of a session that a preview skips."""


@contextmanager
def masquerade(
    customer: str,
    *,
    reason: str,
    duration: timedelta = DEFAULT_DURATION,
    write: bool = False,
    ticket: str | None = None,
    client: FusionClient | None = None,
    audit_file: str | os.PathLike[str] | None = None,
    skip_in_preview: bool = False,
) -> Iterator[Session]:
    """Open a session inside ``customer`` for the length of a block.

    Nothing else in the process changes, and sessions in several threads are independent. The copy of a session in a
    forked child does nothing: its requests raise SessionEnded, and the end of its block ends no session. A subprocess
    that the block starts inherits the real credential from the environment, unless it gets :meth:`Session.environ` as
    ``env``.

    ::

        with masquerade("acme-corp", reason="INC-1234 ingest check") as session:
            print(session.get("/api/v1/users"))

    Args:
        customer: The shortname of the customer.
        reason: Why, in 10 to 500 characters; recorded in the audit.
        duration: At most 60 minutes. The session ends earlier if the service's token does.
        write: Allow requests that change something.
        ticket: The identifier of a ticket; recorded in the audit.
        client: A client of the account above the customer; by default one with the settings of the environment.
        audit_file: The audit file; by default FUSION_AUDIT_FILE, or one below the XDG state folder.
        skip_in_preview: End the block, inside a Pulumi program that previews, at its first use of the session; nothing
            is sent. In an inline program of the Automation API, a thread needs the program's context for that
            (contextvars.copy_context).

    Raises:
        SessionRefused: The session can't be opened. Nothing was sent but reads.
        NotAudited: The start of the session can't be recorded.
        SettingsError: A setting is missing or invalid.
        RequestFailed: The service failed while the session was opened.
        AuditIncomplete: At the end: it can't be recorded, or the record of the start was removed. If the block raised
            an exception, AuditIncomplete is only logged.
    """
    request = SessionRequest(customer, reason, duration, write, ticket)
    request.validate(os.environ)
    # A task or generator may still have the context of a block that has ended.
    if (already := _inside.get()) is not None and not already.term.cancelled.is_set():
        raise SessionRefused(
            ATTEMPTED,
            f"this is a session inside {already.customer.shortname!r} already, and one inside another would hide who "
            "acts",
            shortname=customer,
            next_step="Open it after the end of that block, or in another thread.",
        )
    if skip_in_preview and _is_preview(customer):
        skipped = Session(None)
        try:
            with suppress(_SkippedError):
                yield skipped
        finally:
            skipped._end_skipped()
        return
    log = AuditLog(named_path(audit_file, os.environ) if audit_file is not None else default_path(os.environ))
    for sentence in log.close_dead():
        _log.warning("%s", sentence)
    with ExitStack() as stack:
        fusion = client if client is not None else stack.enter_context(FusionClient())
        access = open_access(fusion, request)
        subprocesses = Subprocesses(access)
        stack.callback(access.close)
        who = {**identity(), "frontend": "python", **access.facts()}
        start_hash = log.start(access.id, who)
        mark = _inside.set(access)
        how = "left"
        try:
            yield Session(access, subprocesses)
        except BaseException as raised:
            how = f"left by {type(raised).__name__}"
            raise
        finally:
            over = access.term.remaining() <= 0
            access.close()
            with suppress(ValueError):  # a generator may be closed in another context than it was started in
                _inside.reset(mark)
            try:
                subprocesses.close()
            finally:  # also if an interrupt arrives while the endpoint ends
                if not access.term.forked:
                    counts = access.counts()
                    for sentence in lasting_effects(customer, counts):
                        _log.warning("%s", sentence)
                    ended = {**who, "ended": "time over" if over else how, **counts}
                    _write_end(log, access.id, start_hash, ended, quietly=how != "left")


def _write_end(log: AuditLog, session: str, start_hash: str, facts: Mapping[str, Any], *, quietly: bool) -> None:
    """Record the end. Raises AuditIncomplete unless ``quietly``: it must not replace an exception of the block."""
    try:
        log.end(session, start_hash, facts)
    except AuditIncomplete as incomplete:
        _log.error("%s", incomplete)
        if not quietly:
            raise


def _is_preview(customer: str) -> bool:
    """Return whether a Pulumi program runs in this process and only previews, according to the loaded SDK.

    The SDK stores that in a context variable. A thread without it gets the value of the program that started last in
    this process, which may be another one if the Automation API runs several at once. Raises SessionRefused for such a
    thread.
    """
    runtime = sys.modules.get("pulumi.runtime")
    if runtime is None or runtime.settings.SETTINGS.dry_run is None:
        return False
    if not (_has_context() or _is_started_by_the_cli()):
        raise SessionRefused(
            ATTEMPTED,
            "skip_in_preview is set, and this thread lacks the context of its Pulumi program",
            shortname=customer,
            next_step="Nothing was sent. Start it with the context of the program, by "
            "contextvars.copy_context().run(...) or asyncio.to_thread(...); outside a program, don't set "
            "skip_in_preview.",
        )
    return bool(runtime.is_dry_run())


def _is_started_by_the_cli() -> bool:
    """Return whether the Pulumi CLI started this process, which then runs a single program."""
    return any(Path(word).name == "pulumi-language-python-exec" for word in sys.orig_argv)


def _has_context() -> bool:
    """Return whether the settings of a Pulumi program are in the context of this thread."""
    return any(variable.name == "Settings.dry_run" and value is not None for variable, value in copy_context().items())
