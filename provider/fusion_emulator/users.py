"""The rules by which the users of an account are changed; pure, as those of accounts."""

from __future__ import annotations

from typing import Final

from fusion_emulator.errors import Refused
from fusion_emulator.state import Change, Mail, State, User
from fusion_emulator.switches import Switches

__all__ = ["add_user", "invitation", "remove_user", "require_free_email"]

MAILS_KEPT: Final = 1000
"""Mails, those to users of deleted accounts included."""


def add_user(state: State, user: User, switches: Switches) -> Change:
    """Add a user, who would get a mail.

    Raises:
        Refused: The email is in use.
    """
    require_free_email(state, user.email, switches)
    if any(each.email == user.email for each in state.users.values() if each.account == user.account):
        raise Refused(400, "A user with this email exists")
    return Change(users={user.id: user}, mails=invitation(state, user), minted=state.minted + 1)


def invitation(state: State, user: User) -> dict[str, Mail | None]:
    """Return the change of ``State.mails`` by the mail to a new user. Only the last are kept."""
    oldest = list(state.mails)[: max(0, len(state.mails) + 1 - MAILS_KEPT)]
    return {**dict.fromkeys(oldest), user.id: Mail(user.account, user.email)}


def remove_user(state: State, user: User) -> Change:
    """Remove a user.

    Raises:
        Refused: It is the last administrator of its account.
    """
    others = [each for each in state.users.values() if each.account == user.account and each.id != user.id]
    # https://docs.netography.com/docs/roles-rbac: at least one System Administrator must exist.
    if not any("admin" in each.roles for each in others):
        raise Refused(400, "At least one System Administrator must exist")
    return Change(users={user.id: None})


def require_free_email(state: State, email: str, switches: Switches) -> None:
    """Raise Refused if the switches make emails unique and this one is in use."""
    if switches.unique_emails and any(user.email == email for user in state.users.values()):
        raise Refused(switches.duplicate, "A user with this email already exists")
