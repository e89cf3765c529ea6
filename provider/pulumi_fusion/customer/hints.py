"""What a user can do about a customer that exists already. Some of the texts differ per frontend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pulumi_fusion.customer.stack import Managed, Stack

__all__ = ["Hints", "about_existing", "renamed"]


@dataclass(frozen=True)
class Hints:
    """The texts of one frontend.

    Args:
        adopt: Returns how to manage an existing customer, from its shortname and its id.
        alias: Returns the resource option that names the previous URN of a resource.
        unknown_outcome: What to do after a create whose outcome is unknown.
        unprotected: How a program turns deletion protection off.
        delete_before_replace: The resource option of that name, as a program spells it.
        ignore_changes: Likewise.
    """

    adopt: Callable[[str, str | None], str]
    alias: Callable[[str], str]
    unknown_outcome: str
    unprotected: str = "deletionProtection=false"
    delete_before_replace: str = "deleteBeforeReplace"
    ignore_changes: str = "ignoreChanges"


def about_existing(hints: Hints, stack: Stack, urn: str, shortname: str, customer_id: str | None) -> str:
    """Return what to do about an existing customer under the shortname that the resource ``urn`` wants to create."""
    owner = stack.owner(customer_id, shortname)
    if owner is not None and owner.pending_delete:
        undo = "Restore the last shortname of this resource" if owner.urn == urn else "Remove this resource for now"
        return (
            f"It is pending deletion as {owner.urn}, which was replaced. {undo} and run `pulumi up`, which "
            "repeats the deletion."
        )
    if owner is not None and (owner.urn == urn or stack.declares(shortname, owner.urn)):
        return (
            "This resource manages it, and a replacement keeps the shortname: set the resource option "
            f"{hints.delete_before_replace}, which deletes the customer and its data first, or don't replace it "
            "(`pulumi state untaint` if it is tainted)."
        )
    if owner is not None:
        return renamed(hints, stack, owner, urn)
    if stack.is_known():
        return (
            "No resource of this stack manages it. If it was moved here from another stack, move its state as well "
            f"(`pulumi state move`). {hints.adopt(shortname, customer_id)}"
        )
    return (
        "If this resource was renamed or moved, add its previous URN (`pulumi stack --show-urns`) to its options, as "
        f"in {hints.alias('<previous URN>')}, or use `pulumi state rename` or `pulumi state move`. "
        f"{hints.adopt(shortname, customer_id)}"
    )


def renamed(hints: Hints, stack: Stack, owner: Managed, urn: str) -> str:
    """Return what to do about a customer that the stack manages as ``owner``, and ``urn`` wants to create."""
    if urn and stack.manages(urn):
        return (
            f"This stack manages it as {owner.urn}, and this resource manages another customer. If their names were "
            "swapped in the program, swap them back, or rename them in the state in three steps by `pulumi state "
            "rename`."
        )
    kind, _, name = urn.rpartition("::")
    rename = f", or run `pulumi state rename '{owner.urn}' {name}`" if kind == owner.urn.rpartition("::")[0] else ""
    return (
        f"This stack manages it as {owner.urn}. If that resource was renamed or moved, add its previous URN to the "
        f"options of this one: {hints.alias(owner.urn)}{rename}; then nothing is sent. Don't adopt or import it a "
        "second time. If two customers are intended, choose another shortname."
    )
