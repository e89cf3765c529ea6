"""Whether a customer of the state belongs to the account of this run."""

from __future__ import annotations

from pulumi_fusion.errors import WrongAccount

__all__ = ["require_account"]


def require_account(shortname: str | None, parent: str | None, account: str, source: str) -> None:
    """Raise WrongAccount for a customer in the state that isn't one of the account's.

    Args:
        shortname: The customer.
        parent: Its parent in the state; None where it isn't known.
        account: The account of this run.
        source: The setting that decides the account.
    """
    if parent in (None, account):
        return
    raise WrongAccount(
        "work in this account with the customer",
        f"it is a customer of {parent!r}, but this run works in the account {account!r} (by {source})",
        shortname=shortname,
        next_step="Nothing was changed. Set the account "
        f"(`pulumi config set fusion:account {parent}`, FUSION_ACCOUNT, or account of the provider) or use a "
        "netosecret of that account, then run `pulumi up`: refresh and destroy use the provider as the last run "
        "stored it. For customers of another account use another stack or explicit provider.",
    )
