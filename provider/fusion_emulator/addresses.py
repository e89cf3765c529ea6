"""The addresses from which an account may be used: the Inbound IP Allow List of the portal.

Source: https://docs.fusion.vectra.ai/settings/user-management/password-security: it covers portal and API, its entries
are addresses or networks, and a blank list restricts nothing. The client is the one that connects: what it claims in
X-Forwarded-For proves nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from fusion_emulator.errors import Refused
from fusion_emulator.fields import is_network
from fusion_emulator.state import Account
from fusion_emulator.switches import Switches

__all__ = ["parse_addresses", "require_address"]


def parse_addresses(body: object, client: str, switches: Switches) -> tuple[str, ...]:
    """Return the body of PUT /customer/access-allowed-ips.

    Args:
        body: The body.
        client: The address that sends it.
        switches: Decide about a list without this address.

    Raises:
        Refused: 400; it is not a list of addresses and networks, or locks out its sender.
    """
    if not isinstance(body, list):
        raise Refused(400, "The body is not a JSON array")
    wrong = [repr(each) for each in body if not isinstance(each, str) or not is_network(each)]
    if wrong:
        raise Refused(400, f"Expected IP addresses and networks such as 192.0.2.0/24, not {', '.join(wrong)}")
    if switches.allow_list_lockout == "refused" and not _allows(body, client):
        raise Refused(400, f"The list lacks the address of this request, {client}")
    return tuple(body)


def require_address(account: Account, client: str, switches: Switches) -> None:
    """Raise Refused if the account may not be used from this address."""
    if not _allows(account.allowed_ips, client):
        raise Refused(
            switches.allow_list_status,
            f"The account {account.shortname!r} may not be used from the address {client}: its access-allowed-ips",
        )


def _allows(entries: Sequence[str], client: str) -> bool:
    address = ipaddress.ip_address(client)
    # An IPv4 client of a socket for both versions.
    address = getattr(address, "ipv4_mapped", None) or address
    return not entries or any(address in ipaddress.ip_network(entry, strict=False) for entry in entries)
