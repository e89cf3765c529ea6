"""Masquerade in Python: ``with masquerade("acme-corp", reason="...") as session``."""

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
from pulumi_fusion.sessions.farewell import outliving
from pulumi_fusion.sessions.subprocesses import Subprocesses
from pulumi_fusion.sessions.terms import ATTEMPTED, DEFAULT_DURATION, Terms

__all__ = ["Session", "masquerade"]

_log: Final = logging.getLogger(__name__)

_inside: Final[ContextVar[Access | None]] = ContextVar("pulumi_fusion_masquerade", default=None)


class Session:
    """A client that acts inside one customer until its block ends; it cannot be pickled, copied or made an output.

    Each verb returns the value that the service answers, without its envelope, and raises OutOfBounds for what the
    session does not allow, SessionEnded once it is over, and RequestFailed as :class:`~pulumi_fusion.FusionClient`
    does. ``path`` is as in the vendor's reference: ``/api/v1/users``.
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
        """The typed verbs, acting inside the customer: its own customers, its users."""
        return self._open().client

    def get(self, path: str) -> Any:
        """Read."""
        return self.client.request("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Send a JSON body to a search or, in a session that may write, to any other route."""
        return self.client.request("POST", path, body)

    def put(self, path: str, body: Any = None) -> Any:
        """Replace, in a session that may write."""
        return self.client.request("PUT", path, body)

    def delete(self, path: str) -> Any:
        """Delete, in a session that may write."""
        return self.client.request("DELETE", path)

    def remaining(self) -> float:
        """Return the seconds until it ends, 0 after the end."""
        if self._access is None and not self._skips:
            return 0.0
        return self._open().term.remaining()

    def environ(self, *, keep: Collection[str] = ()) -> dict[str, str]:
        """Return the environment for a subprocess that is to act in the session, and never as this process does.

        A subprocess that is started without it inherits the real credential of this process. This one holds in
        NETOSECRET a synthetic credential that works on this machine, inside the customer, within the bounds of the
        session and until it ends; the audit counts the requests of both together. Taken out are every other setting of
        Fusion, Pulumi's secrets but for those that ``keep`` names, and copies of the credential. Raises SessionEnded.

        ::

            subprocess.run(["./checkup.sh"], env=session.environ(), check=True)
        """
        self._open()
        assert self._subprocesses is not None  # noqa: S101 - it comes with the access
        return self._subprocesses.environ(keep)

    def _open(self) -> Access:
        if self._skips:
            raise _Skipped
        if self._access is None:
            raise SessionEnded("use the session", "a preview skipped it, and its block was left")
        return self._access

    def _leave_skipped(self) -> None:
        """From here on nothing is left to skip: the block has ended."""
        self._skips = False

    def __repr__(self) -> str:
        return "Session(skipped)" if self._access is None else f"Session({self._access.customer.shortname!r})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Session is never pickled or copied: it ends with its block")


class _Skipped(Exception):
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
    """A session inside ``customer`` for the length of a block.

    ``customer`` is its shortname, ``reason`` 10 to 500 characters that the audit keeps, with ``ticket``. It lasts
    ``duration`` (15 minutes; 60 at the most), never longer than the service's token. It reads only, unless ``write``.
    ``client`` is the client of the account above; without it the settings come from the environment. The audit is
    written to ``audit_file``, else to FUSION_AUDIT_FILE, else below the XDG state folder. ``skip_in_preview`` makes a
    block inside a Pulumi program end at its first use of the session while Pulumi previews; nothing is sent then. In an
    inline program of the Automation API, a thread needs the context of the program for that (contextvars.copy_context).

    Raises SessionRefused before anything was sent or after reads alone, NotAudited, SettingsError, RequestFailed; and
    at the end AuditIncomplete, where the end can't be written to the audit or the start was removed from it. If the
    block itself raised something, that is what is raised, and the other is logged alone.
    Inside the block and after it, nothing else in the process changes; two sessions in two threads do not mix. The copy
    of a session in a forked child does nothing: its requests raise SessionEnded, and leaving the block ends nothing.
    A subprocess that the block starts inherits the real credential from the environment, unless it gets ``env`` of
    :meth:`Session.environ`.

    ::

        with masquerade("acme-corp", reason="INC-1234 ingest check") as session:
            print(session.get("/api/v1/users"))
    """
    terms = Terms(customer, reason, duration, write, ticket)
    terms.hold(os.environ)
    # What a task or a generator took along from a block that has ended holds nobody back.
    if (already := _inside.get()) is not None and not already.term.cancelled.is_set():
        raise SessionRefused(
            ATTEMPTED,
            f"this is a session inside {already.customer.shortname!r} already, and one inside another would hide who "
            "acts",
            shortname=customer,
            next_step="Leave its block first, or open the other one in a thread of its own.",
        )
    if skip_in_preview and _previews(customer):
        skipped = Session(None)
        try:
            with suppress(_Skipped):
                yield skipped
        finally:
            skipped._leave_skipped()
        return
    log = AuditLog(named_path(audit_file, os.environ) if audit_file is not None else default_path(os.environ))
    for sentence in log.close_dead():
        _log.warning("%s", sentence)
    with ExitStack() as stack:
        fusion = client if client is not None else stack.enter_context(FusionClient())
        access = open_access(fusion, terms)
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
            with suppress(ValueError):  # a generator may be closed in another context than it was begun in
                _inside.reset(mark)
            try:
                subprocesses.close()
            finally:  # also where an interrupt comes while the endpoint ends
                if not access.term.forked:
                    counts = access.counts()
                    for sentence in outliving(customer, counts):
                        _log.warning("%s", sentence)
                    ended = {**who, "ended": "time over" if over else how, **counts}
                    _write_end(log, access.id, start_hash, ended, quietly=how != "left")


def _write_end(log: AuditLog, session: str, start_hash: str, facts: Mapping[str, Any], *, quietly: bool) -> None:
    """Write the end. Raises AuditIncomplete, but not ``quietly``: it must not replace an exception of the block."""
    try:
        log.end(session, start_hash, facts)
    except AuditIncomplete as incomplete:
        _log.error("%s", incomplete)
        if not quietly:
            raise


def _previews(customer: str) -> bool:
    """Return whether a Pulumi program runs here and only previews; asked of the SDK that such a program has loaded.

    The SDK keeps that in a context variable. A thread without it gets the value of the program that started last in
    this process, which is right unless several programs run at once, as the Automation API lets them. Raises
    SessionRefused there.
    """
    runtime = sys.modules.get("pulumi.runtime")
    if runtime is None or runtime.settings.SETTINGS.dry_run is None:
        return False
    if not (_has_context() or _is_started_by_the_cli()):
        raise SessionRefused(
            ATTEMPTED,
            "skip_in_preview is set, and this thread does not know which Pulumi program it belongs to",
            shortname=customer,
            next_step="Nothing was sent. Start it with the context of the program, by "
            "contextvars.copy_context().run(...) or asyncio.to_thread(...); outside a program leave skip_in_preview "
            "out.",
        )
    return bool(runtime.is_dry_run())


def _is_started_by_the_cli() -> bool:
    """Return whether this process runs a program for the Pulumi CLI, and so no other one."""
    return any(Path(word).name == "pulumi-language-python-exec" for word in sys.orig_argv)


def _has_context() -> bool:
    """Return whether the settings of a Pulumi program are in the context of this thread."""
    return any(variable.name == "Settings.dry_run" and value is not None for variable, value in copy_context().items())
