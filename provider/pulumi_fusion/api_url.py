"""The url of the API: which urls a credential may be sent to."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

__all__ = ["DEFAULT_API_URL", "api_base"]

# "url" in the vendor's sample credential: https://docs.netography.com/reference/netosecret
DEFAULT_API_URL: Final = "https://api.netography.com"

# The vendor's own domains, before and after the change of its name.
_VENDOR_DOMAINS: Final = ("netography.com", "vectra.ai")

# Host names as DNS defines them. A parser may accept other characters in a host (a backslash, a percent sign) where the
# HTTP library ends the host, and the credential would be sent to the host before that character.
_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)


def api_base(url: str, *, named_by_owner: bool) -> str:
    """Return ``scheme://host[:port]`` of an API url, without the ``/api/v1`` or ``/v1`` that the vendor's pages add.

    The url must use https, or http for a loopback host. Its host must be in the vendor's domains or loopback, unless
    the user named it in the api url setting (``named_by_owner``). Raises ValueError with the rule, which doesn't quote
    the url, since that may contain a password.
    """
    try:
        parts = urlsplit(url.strip() if "//" in url else f"https://{url.strip()}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("isn't a valid URL") from None
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError("must be a URL such as https://api.netography.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or password")
    if not (_HOST.fullmatch(host) or _is_address(host)):
        raise ValueError("must name a host in plain ASCII: letters, digits, hyphens and dots, or an IP address")
    if parts.query or parts.fragment:
        raise ValueError("must not contain a query or a fragment")
    if parts.path.rstrip("/") not in ("", "/api/v1", "/v1", "/api"):
        raise ValueError("must have no path but /api/v1, the base path of the API")
    loopback = _is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise ValueError("must use https: http is allowed only for loopback hosts")
    vendor = any(host == domain or host.endswith(f".{domain}") for domain in _VENDOR_DOMAINS)
    if not (vendor or loopback or named_by_owner):
        raise ValueError(
            "names a host outside netography.com and vectra.ai. To use it anyway, set it as the api url "
            "(fusion:apiUrl or FUSION_API_URL)"
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        return not getattr(ipaddress.ip_address(host), "scope_id", None)
    except ValueError:
        return False
