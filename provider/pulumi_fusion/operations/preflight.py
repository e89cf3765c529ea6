"""What a preview reads from the service: that the credential works, the account types, the taken shortnames.

Pulumi's guide advises against network access in a check
(https://www.pulumi.com/docs/iac/extending-pulumi/provider-implementers-guide/). This is the one exception: a preview
that detects neither an invalid credential nor a taken shortname has little value before onboarding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from pulumi_fusion.customer.changes import changes, history_lost
from pulumi_fusion.customer.hints import Hints, about_existing, renamed
from pulumi_fusion.customer.mapping import merge
from pulumi_fusion.customer.model import Account, AccountType, Kind, State
from pulumi_fusion.customer.names import UNKNOWN, label
from pulumi_fusion.customer.rules import Failure
from pulumi_fusion.customer.stack import Managed, Stack
from pulumi_fusion.errors import Forbidden, FusionError, MissingSetting, SettingsError, Unauthorized
from pulumi_fusion.operations.cache import CustomerCache
from pulumi_fusion.operations.service import Service
from pulumi_fusion.settings import Preflight

__all__ = ["adopts_its_own", "already_taken", "ask", "is_new", "renamed_in_state", "unanswered"]


def ask(
    connect: Callable[[], Service],
    cache: CustomerCache,
    mode: Preflight,
    warn: Callable[[str], None],
    *,
    unchanged: bool = False,
    is_new_name: bool = False,
) -> tuple[Service | None, Sequence[AccountType], list[Failure]]:
    """Reach the service and fetch its account types.

    Args:
        connect: Returns the service, or raises SettingsError.
        cache: The lists of the run.
        mode: The preflight setting.
        warn: Shows a sentence to the user.
        unchanged: The inputs are as before, so only the credential is verified.
        is_new_name: The caller looks up a shortname next, so the list is fetched at the same time.

    Returns:
        The service, None where nothing more is to be read; its account types; and the failures. A credential that the
        service refuses is a failure in every mode; a service that cannot be reached is a warning in ``auto`` and a
        failure in ``required``.
    """
    if mode == "off":
        return None, (), []
    try:
        service = connect()
        if unchanged:
            cache.authenticate(service)
            return service, (), []
        if is_new_name:
            cache.prefetch_list(service)
        return service, cache.types(service), []
    except FusionError as failure:
        lost = "Only the rules were checked. A taken shortname or an invalid credential is found by the create."
        return None, (), unanswered(failure, mode, warn, lost)


def unanswered(failure: FusionError, mode: Preflight, warn: Callable[[str], None], lost: str) -> list[Failure]:
    """Return the failures of a preview whose request failed; without any, show a warning.

    Args:
        failure: Why the request failed.
        mode: The preflight setting.
        warn: Shows a sentence to the user.
        lost: The first sentence of the warning: what the preview can't check.

    Returns:
        Failures without a property: they are not about the customer.
    """
    reason = str(failure.with_reference())
    if isinstance(failure, (Unauthorized, Forbidden)):
        return [Failure("", reason)]
    setting_is_wrong = isinstance(failure, SettingsError) and not isinstance(failure, MissingSetting)
    if setting_is_wrong or mode == "required":
        return [Failure("", reason)]
    warn(f"{lost} {reason}")
    return []


def is_new(shortname: Any, before: str | None) -> TypeGuard[str]:
    """Return whether a customer is to be created under the shortname, as far as it is known."""
    return isinstance(shortname, str) and shortname != before


def already_taken(
    inputs: Mapping[str, Any],
    before: str | None,
    find: Callable[[str], Account | None],
    stack: Stack,
    hints: Hints,
    urn: str,
) -> tuple[list[Failure], str]:
    """Return the failure of a resource that would create a customer that exists, and a warning or "".

    A forced replacement looks like a create: the engine passes no old inputs, so the state decides.

    Args:
        inputs: The inputs.
        before: The shortname in the state.
        find: Returns the customer that the service lists under a shortname.
        stack: What is known of the other resources.
        hints: The texts of the frontend.
        urn: The resource.
    """
    shortname, adopt = inputs.get("shortname"), inputs.get("adopt")
    if not is_new(shortname, before):
        return [], ""
    account = find(shortname)
    if account is None or adopt is UNKNOWN:
        return [], ""
    owner = stack.owner(account.id, shortname)
    if owner is not None and owner.urn == urn and not owner.pending_delete:
        return _replaced(shortname, owner, adopt, hints)
    if adopt is not None and account.id not in (None, adopt):
        return [
            Failure("adopt", f"adopt names the id {adopt!r}, but the customer {shortname!r} has the id {account.id!r}")
        ], ""
    if adopt is not None and owner is None:
        return [], _adopted(shortname, account, inputs)
    next_step = about_existing(hints, stack, urn, shortname, account.id)
    if adopt is not None:
        return [Failure("adopt", f"adopt names a customer that isn't free to adopt: {shortname!r}. {next_step}")], ""
    return [
        Failure(
            "shortname",
            f"Shortname {shortname!r} is taken by a customer that exists already "
            f"(id {account.id or 'not shown by the service'}). {next_step}",
        )
    ], ""


def _adopted(shortname: str, account: Account, inputs: Mapping[str, Any]) -> str:
    """Return a warning of what an adoption changes on the service, or "". The engine shows it as a create."""
    found = [change for change in changes(merge(account, State()), inputs) if change.new is not UNKNOWN]
    changed = [label(change.field) for change in found if change.kind is Kind.UPDATE]
    if not changed:
        return ""
    return " ".join([f"{shortname}: its adoption changes {', '.join(changed)}.", *history_lost(found)])


def renamed_in_state(
    inputs: Mapping[str, Any], before: str | None, stack: Stack, hints: Hints, urn: str
) -> list[Failure]:
    """Return the failure of a resource that would create what the stack manages. Nothing is sent."""
    shortname = inputs.get("shortname")
    owner = stack.named(shortname) if is_new(shortname, before) else None
    if owner is None or not urn or owner.urn == urn:
        return []
    return [Failure("shortname", f"Shortname {shortname!r} is taken. {renamed(hints, stack, owner, urn)}")]


def adopts_its_own(inputs: Mapping[str, Any], stack: Stack, urn: str) -> list[Failure]:
    """Return the failure of a replacement that would adopt the customer that it deletes. Nothing is sent."""
    adopt = inputs.get("adopt")
    shortname = inputs.get("shortname")
    owner = stack.owner(adopt, shortname) if isinstance(adopt, str) and isinstance(shortname, str) else None
    if owner is None or owner.urn != urn or owner.pending_delete:
        return []
    return [
        Failure(
            "adopt",
            f"{owner.shortname!r} would be replaced, and adopt names the customer that is deleted by that. Remove "
            "adopt: the customer is managed already",
        )
    ]


def _replaced(shortname: str, owner: Managed, adopt: str | None, hints: Hints) -> tuple[list[Failure], str]:
    """Return the failure or the warning of a replacement that keeps the shortname."""
    if owner.protected:
        return [
            Failure(
                "deletionProtection",
                f"{shortname!r} would be replaced, which deletes the customer and its data, and deletion protection is "
                f"on. To replace it, apply {hints.unprotected} first, then replace it",
            )
        ], ""
    if adopt is not None:
        return [], ""  # see adopts_its_own
    return [], (
        f"{shortname}: it would be replaced, which deletes the customer and its data. A replacement keeps the "
        f"shortname, so it needs the resource option {hints.delete_before_replace}."
    )
