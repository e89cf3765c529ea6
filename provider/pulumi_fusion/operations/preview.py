"""Check the inputs with the preflight, and compute the differences: what a preview runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from pulumi_fusion.customer.changes import Change, changes, history_lost, is_imported
from pulumi_fusion.customer.check import Checked
from pulumi_fusion.customer.check import check as check_fields
from pulumi_fusion.customer.model import Kind, State
from pulumi_fusion.customer.rules import Failure, is_dns_label
from pulumi_fusion.errors import FusionError, SettingsError
from pulumi_fusion.operations import preflight
from pulumi_fusion.operations.account import require_account
from pulumi_fusion.operations.operation import ADDRESS, Call, has_address
from pulumi_fusion.operations.service import Service
from pulumi_fusion.settings import PREFLIGHT_SECONDS

__all__ = ["check", "diff"]


def check(call: Call, raw: Mapping[str, Any], old: Mapping[str, Any] | None) -> Checked:
    """Return all failures of the inputs at once; read the service as far as the preflight setting allows it."""
    if raw == old and is_imported(State.recall(raw)):
        # An import checks what the service shows against itself. The program has not stated anything yet.
        return Checked(dict(raw), [])
    run = call.run
    before = State.recall(old or {}).shortname
    is_new_name = preflight.is_new(raw.get("shortname"), before)
    checked = check_fields(raw, old, unprotected=call.hints.unprotected)
    unchanged = checked == Checked(dict(old or {}), [])
    service, listed, failures = preflight.ask(
        partial(_service, call), run.cache, run.mode, call.warn, unchanged=unchanged, is_new_name=is_new_name
    )
    if listed:
        checked = check_fields(raw, old, listed, unprotected=call.hints.unprotected)
    # The inputs lack a shortname that breaks the rule, which is a failure already.
    name = checked.inputs.get("shortname")
    if isinstance(name, str):
        failures += _declared_twice(call, name)
        if is_new_name:
            failures += preflight.adopts_its_own(checked.inputs, run.stack, call.urn)
            _warn_unless_dns_label(call, name)
    if service is None:
        failures += preflight.renamed_in_state(checked.inputs, before, run.stack, call.hints, call.urn)
    else:
        failures += _taken(call, service, checked.inputs, before)
    return Checked(checked.inputs, [*checked.failures, *failures])


def _service(call: Call) -> Service:
    return call.run.connect().within(call.deadline(min(call.seconds, PREFLIGHT_SECONDS)))


def _taken(call: Call, service: Service, inputs: Mapping[str, Any], before: str | None) -> list[Failure]:
    run = call.run
    try:
        find = partial(run.cache.find, service)
        failures, warning = preflight.already_taken(inputs, before, find, run.stack, call.hints, call.urn)
        if warning:
            call.warn(warning)
    except FusionError as failure:
        failures = preflight.unanswered(
            failure, run.mode, call.warn, "It could not be checked whether the shortname is taken."
        )
    if preflight.is_new(inputs.get("shortname"), before):
        call.warn_if_list_is_cut()
    return failures


def _warn_unless_dns_label(call: Call, name: str) -> None:
    if not is_dns_label(name):
        # Inference: each customer's portal is https://<shortname>.fusion.netography.com, as single sign-on has it.
        call.warn(
            f"{name}: the shortname isn't a DNS label (lower-case letters, digits, hyphens inside), so the address "
            "of the customer's portal may not work. It can't be changed later without a new customer."
        )


def _declared_twice(call: Call, shortname: str) -> list[Failure]:
    other = call.run.stack.declare(shortname, call.urn)
    if other is None:
        return []
    return [
        Failure(
            "shortname",
            f"Shortname {shortname!r} is declared by two resources of this program: {other} and {call.urn}. One "
            "customer can have one resource only. Remove one of them, or choose another shortname",
        )
    ]


def diff(call: Call, old: State, new: Mapping[str, Any]) -> list[Change]:
    """Return what `up` would change; warn of a retention that shrinks and of a replacement, since data is lost.

    Raises WrongAccount where the customer belongs to another account than the one of this run.
    """
    with suppress(SettingsError):
        require_account(old.shortname, old.parent, call.run.connect().account, call.run.account_source)
    found = changes(old, new)
    for sentence in history_lost(found):
        call.warn(f"{old.shortname}: {sentence}")
    return found or _address_assigned(call, old)


def _address_assigned(call: Call, old: State) -> list[Change]:
    """Return the ingest address as a change where the state lacks it and the service shows one by now."""
    if has_address(old) or old.customer_id is None or old.shortname is None or call.run.mode == "off":
        return []
    try:
        service = _service(call)
        account = call.run.cache.find(service, old.shortname)
        if account is not None and not has_address(account):
            account = service.get_customer(old.shortname)
    except FusionError:
        return []
    if account is None or account.id != old.customer_id:
        return []
    return [
        Change(field, Kind.OUTPUT, None, shown)
        for field in ADDRESS
        if getattr(old, field) is None and (shown := getattr(account, field)) is not None
    ]
