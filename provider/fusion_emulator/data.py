"""The data of a running emulator, read and changed without a request."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from secrets import token_hex
from typing import Any, Final

from fusion_emulator import accounts
from fusion_emulator.bodies import Creation, parse_addition, parse_edit
from fusion_emulator.documents import InvalidStateError
from fusion_emulator.errors import Refused, UnknownAccountError
from fusion_emulator.keys import add_key, netosecret, new_key
from fusion_emulator.records import AccountRecord, account_record
from fusion_emulator.service import ROOT, Service
from fusion_emulator.snapshots import read_snapshot, restored, snapshot_of, snapshot_text
from fusion_emulator.state import Account, ApiKey, Change, Mail, State, User
from fusion_emulator.switches import Switches

__all__ = ["EmulatorData"]

_ADMIN: Final = {"username": "owner@example.com", "given_name": "Skippy", "family_name": "Longbottom"}
_DEFAULTS: Final = {"retention": 90, "rollupRetention": 180, **_ADMIN}
"""What an account has that is created without a request, unless it is given."""


class EmulatorData:
    """What a program does with the data of an emulator that it has started."""

    _service: Service | None = None

    @property
    def url(self) -> str:
        """The service's address, without a path."""
        raise NotImplementedError

    def accounts(self) -> tuple[Account, ...]:
        """Return all accounts except the root, in order of creation."""
        state = self._running.state
        return tuple(each for each in state.accounts.values() if each.id != state.root)

    @property
    def root(self) -> Account:
        """The account at the top."""
        state = self._running.state
        return state.accounts[state.root]

    def account(self, shortname: str) -> Account | None:
        """Return the account of that name; None if there is none."""
        state = self._running.state
        return accounts.find(state, shortname, top=state.root)

    def record(self, shortname: str) -> AccountRecord:
        """Return the record of the account as the API would show it with every field, or raise KeyError."""
        state = self._running.state
        return account_record(
            state, self._named(state, shortname), dataclasses.replace(self._running.switches, record="extended")
        )

    def users(self, shortname: str | None = None) -> tuple[User, ...]:
        """Return the users of the account, or all users."""
        state = self._running.state
        account = None if shortname is None else self._named(state, shortname).id
        return tuple(each for each in state.users.values() if account in (None, each.account))

    def mails(self) -> tuple[Mail, ...]:
        """Return the last 1 000 invitations that the real service would have sent, in this order."""
        return tuple(self._running.state.mails.values())

    def seed(self, shortname: str, *, parent: str | None = None, **fields: Any) -> Account:
        """Create an account without a request.

        Args:
            shortname: Its name.
            parent: The shortname of the account above; None for the root.
            fields: Those of the create body (organization, type, retention, rollupRetention, trial, fps, username,
                given_name, family_name); all have defaults. That of type is the first that the switches allow.

        Raises:
            KeyError: The parent does not exist.
            Refused: A field is not valid, or a rule forbids the account.
        """
        return self.add({"shortname": shortname, **({} if parent is None else {"parent": parent}), **fields})

    def add(self, fields: Mapping[str, Any]) -> Account:
        """Create an account as ``seed``, from a mapping of all its fields."""
        service = self._running
        defaults = {
            "organization": f"{fields.get('shortname')} Inc.",
            "type": next(iter(service.switches.account_types)),
            **_DEFAULTS,
        }
        wanted, parent = parse_addition({**defaults, **fields}, service.switches)

        def change(state: State) -> tuple[Change, Account]:
            above = state.accounts[state.root] if parent is None else self._named(state, parent)
            return accounts.create(state, above.id, wanted, service.switches, mint=service.mint)

        return service.commit(change)

    def edit(self, shortname: str, /, **fields: Any) -> Account:
        """Change an account without a request, by the rules of the API.

        Args:
            shortname: The account.
            fields: Those of the update body, shortname, parent (a shortname), ingest_ip, ingest_port and allowed_ips.

        Raises:
            KeyError: The account or the parent does not exist.
            Refused: There is no such field, a value is not valid, or the service could not work with the outcome.
        """
        return self._edit(shortname, fields, rules=True)

    def edit_freely(self, shortname: str, /, **fields: Any) -> Account:
        """Change an account as ``edit``, to any values with which the service can work, as if its rules were others."""
        return self._edit(shortname, fields, rules=False)

    def _edit(self, shortname: str, fields: dict[str, Any], *, rules: bool) -> Account:
        def change(state: State) -> tuple[Change, Account]:
            account = self._named(state, shortname)
            wanted = parse_edit(account, fields, self._running.switches, rules=rules)
            if wanted.get("parent") is not None:
                wanted["parent"] = self._named(state, wanted["parent"]).id
            edited = dataclasses.replace(account, **wanted)
            if rules and account.id == state.root and edited.shortname != shortname:
                raise Refused(409, f"{shortname!r} is the root account, whose name is in the emulator's credential")
            return Change(accounts={account.id: edited}), edited

        return self._running.edit(change)

    def remove(self, shortname: str) -> None:
        """Remove the account and its descendants without a request.

        Raises:
            KeyError: The account does not exist.
            Refused: It is the root account.
        """

        def change(state: State) -> tuple[Change, None]:
            account = self._named(state, shortname)
            if account.id == state.root:
                raise Refused(409, f"{shortname!r} is the root account, without which there is no service")
            return accounts.delete(state, account, _cascading(self._running.switches)), None

        self._running.commit(change)

    def recreate(self, shortname: str) -> Account:
        """Replace the account by one with the same fields and another id, without its descendants.

        Raises:
            KeyError: The account does not exist.
            Refused: It is the root account.
        """
        service = self._running

        def change(state: State) -> tuple[Change, Account]:
            old = self._named(state, shortname)
            if old.parent is None:
                raise Refused(409, f"{shortname!r} is the root account, without which there is no service")
            gone = accounts.delete(state, old, _cascading(service.switches))
            wanted = Creation(
                shortname=old.shortname,
                organization=old.organization,
                type=old.type,
                retention=old.retention,
                rollup_retention=old.rollup_retention,
                trial=old.trial,
                fps=old.fps,
                **_ADMIN,
            )
            made, account = accounts.create(state.after(gone), old.parent, wanted, service.switches, mint=service.mint)
            return gone.then(made), account

        return service.commit(change)

    def key(self, shortname: str = ROOT, *, role: str = "admin", appname: str | None = None) -> str:
        """Return the netosecret of a new API key of the account.

        Raises:
            KeyError: The account does not exist.
            Refused: It has a key of this name.
        """
        service = self._running

        def change(state: State) -> tuple[Change, str]:
            account = self._named(state, shortname)
            name = appname or f"app-{token_hex(12)}"
            key = new_key(service.mint(state.minted), account.id, appname=name, roles=(role,))
            return add_key(state, key), self._credential(account, key)

        return service.commit(change)

    def snapshot(self) -> str:
        """Return the accounts with their users and API keys as JSON, without secrets."""
        return snapshot_text(snapshot_of(self._running.state))

    def load(self, snapshot: str | bytes) -> None:
        """Replace the accounts by those of a snapshot. ``netosecret`` stays valid, and access tokens end.

        Raises:
            Refused: It is not a snapshot, or the service could not work with it (400), or it cannot be stored (500).
        """
        try:
            found = read_snapshot(snapshot.encode() if isinstance(snapshot, str) else snapshot)
            self._running.replace(lambda state: restored(found, state))
        except InvalidStateError as wrong:
            raise Refused(400, f"The snapshot cannot be loaded. {wrong}") from None

    def expire_tokens(self) -> None:
        """End every access token."""
        self._running.commit(lambda state: (Change(sessions=dict.fromkeys(state.sessions)), None))

    def _credential(self, account: Account, key: ApiKey) -> str:
        return netosecret(account, key, url=self.url, padded=self._running.switches.padded_credential)

    @property
    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("the emulator has not been started")
        return self._service

    @staticmethod
    def _named(state: State, shortname: str) -> Account:
        account = accounts.find(state, shortname, top=state.root)
        if account is None:
            raise UnknownAccountError(shortname)
        return account


def _cascading(switches: Switches) -> Switches:
    """Return the switches with which the descendants of an account are deleted with it."""
    return dataclasses.replace(switches, delete_parent="cascades")
