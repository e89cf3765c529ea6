"""The settings, resolved once at the edge: explicit argument, stack configuration, environment, default."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args
from urllib.parse import urlsplit

from pulumi_fusion.binding import BOUND, Binding
from pulumi_fusion.credential_file import bare, read_credential
from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.redaction import Secret

__all__ = [
    "DEFAULT_API_URL",
    "PREFLIGHT_SECONDS",
    "WAYS",
    "Preflight",
    "Settings",
    "api_base",
    "other_sources",
    "read_setting",
    "same_address",
]

Preflight = Literal["auto", "off", "required"]

# A preview is worth less than the wait for a service that is down.
PREFLIGHT_SECONDS: Final = 30.0

# "url" in the vendor's sample credential: https://docs.netography.com/reference/netosecret
DEFAULT_API_URL: Final = "https://api.netography.com"

# The vendor's own domains, before and after the change of its name.
_VENDOR_DOMAINS: Final = ("netography.com", "vectra.ai")

# Host names as DNS has them. Whatever else a parser may take for part of a host (a backslash, a percent sign), the HTTP
# library may take for its end, and the credential would travel to what stands before it.
_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)

WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "netosecret": (
        "`pulumi config set --secret fusion:netosecret`",
        "the environment variable NETOSECRET",
        "a file named by the environment variable FUSION_NETOSECRET_FILE",
    ),
    "api_url": ("`pulumi config set fusion:apiUrl`", "the environment variable FUSION_API_URL"),
    "account": ("`pulumi config set fusion:account`", "the environment variable FUSION_ACCOUNT"),
    "preflight": ("`pulumi config set fusion:preflight`", "the environment variable FUSION_PREFLIGHT"),
    "deadline": ("`pulumi config set fusion:deadline`", "the environment variable FUSION_DEADLINE"),
}
"""Every way to give a setting, beside an explicit argument, in the order in which they count."""

_CONFIG_KEYS: Final[Mapping[str, str]] = {
    "netosecret": "fusion:netosecret",
    "api_url": "fusion:apiUrl",
    "account": "fusion:account",
    "preflight": "fusion:preflight",
    "deadline": "fusion:deadline",
}
_VARIABLES: Final[Mapping[str, str]] = {
    "netosecret": "NETOSECRET",
    "api_url": "FUSION_API_URL",
    "account": "FUSION_ACCOUNT",
    "preflight": "FUSION_PREFLIGHT",
    "deadline": "FUSION_DEADLINE",
}
_FILE: Final = "file named by FUSION_NETOSECRET_FILE"


@dataclass(frozen=True)
class Settings:
    """What an operation needs to know about the service and about how patient to be.

    ``netosecret`` is the API credential (base64 JSON, see https://docs.netography.com/reference/netosecret),
    ``api_url`` replaces the credential's url, ``account`` is the shortname of the sub-account to work in,
    ``preflight`` says whether a preview may ask the service, ``deadline`` is how many seconds one
    operation may take in all. ``sources`` maps each setting that was given to where it was found.
    """

    netosecret: Secret | None = None
    api_url: str | None = None
    account: str | None = None
    preflight: Preflight = "auto"
    deadline: float = 300.0
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def resolve(
        cls,
        explicit: Mapping[str, Any] | None = None,
        *,
        config: Callable[[str], str | None] = lambda key: None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """Gather the settings from all sources.

        ``explicit`` maps setting names to values, ``config`` looks up a stack configuration key such as
        ``fusion:apiUrl``, ``environ`` defaults to the process environment. Blank values count as absent.
        Inside the emulator's environment or a session's, which service is reached is up to the environment alone.
        Raises SettingsError that names everything that is wrong at once.
        """
        environ = os.environ if environ is None else environ
        binding = Binding.of(environ)
        if binding and (found := other_sources(binding, explicit or {}, config, environ)):
            raise binding.refusal(found.values())
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        problems: list[str] = []
        for name in WAYS:
            given, source = next(iter(_candidates(name, explicit or {}, config, environ)), (None, ""))
            if given is None and name == "netosecret":
                given, source = _from_file(environ, problems)
            if given is None:
                continue
            try:
                values[name] = _READERS[name](given)
                sources[name] = source
            except ValueError as wrong:
                problems.append(f"{name} ({source}) {wrong}")
        if problems:
            raise SettingsError(
                "read the settings",
                "; ".join(problems),
                next_step="Nothing was sent. Correct the named settings and run it again.",
            )
        return cls(**values, sources=sources)

    def credential(self) -> Secret:
        """The netosecret. Raises MissingSetting that names every way to give it."""
        if self.netosecret is None:
            raise missing("netosecret", "the API credential of your Fusion account")
        return self.netosecret


def read_setting(name: str, value: Any) -> Any:
    """The value of one setting as :class:`Settings` holds it. Raises ValueError with its rule, which quotes nothing."""
    return _READERS[name](value)


def missing(name: str, meaning: str) -> MissingSetting:
    """The error about a setting that was not given: what it is and every way to give it."""
    return MissingSetting(
        "reach the service",
        f"{name} is not set ({meaning})",
        next_step=f"Nothing was sent. Give it as one of: {'; '.join(WAYS[name])}.",
    )


def api_base(url: str, *, named_by_owner: bool) -> str:
    """``scheme://host[:port]`` of an API url, without the ``/api/v1`` or ``/v1`` that the vendor's pages add.

    A credential travels over https alone (http for loopback hosts), and to the vendor's domains or to
    loopback unless the owner named the host (``named_by_owner``). Raises ValueError with the rule, which
    never quotes the url: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip() if "//" in url else f"https://{url.strip()}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no URL that can be read") from None
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError("must be a URL such as https://api.netography.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or password")
    if not (_HOST.fullmatch(host) or _is_address(host)):
        raise ValueError("must name a host in plain ASCII: letters, digits, hyphens and dots, or an IP address")
    if parts.query or parts.fragment:
        raise ValueError("must not contain a query or a fragment")
    if parts.path.rstrip("/") not in ("", "/api/v1", "/v1", "/api"):
        raise ValueError("must name the host alone, or end with /api/v1: the API has no other base path")
    loopback = _is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise ValueError("must use https: plain http is accepted for loopback hosts alone")
    vendor = any(host == domain or host.endswith(f".{domain}") for domain in _VENDOR_DOMAINS)
    if not (vendor or loopback or named_by_owner):
        raise ValueError(
            "names a host outside netography.com and vectra.ai; if that is meant, give it as the api url setting "
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


def _candidates(
    name: str,
    explicit: Mapping[str, Any],
    config: Callable[[str], Any],
    environ: Mapping[str, str],
) -> list[tuple[Any, str]]:
    """Return each value that was given and is not blank, with its source, in the order in which they count."""
    candidates = (
        (explicit.get(name), "argument"),
        (config(_CONFIG_KEYS[name]), f"stack configuration {_CONFIG_KEYS[name]}"),
        (environ.get(_VARIABLES[name]), f"environment variable {_VARIABLES[name]}"),
    )
    return [
        (value, source)
        for value, source in candidates
        if value is not None and not (isinstance(value, str) and not value.strip())
    ]


def _from_file(environ: Mapping[str, str], problems: list[str]) -> tuple[str | None, str]:
    path = environ.get("FUSION_NETOSECRET_FILE", "").strip()
    if not path:
        return None, ""
    try:
        return read_credential(path), _FILE
    except ValueError as wrong:
        problems.append(f"netosecret ({_FILE}) {wrong}")
        return None, ""


def other_sources(
    binding: Binding,
    explicit: Mapping[str, Any],
    config: Callable[[str], Any],
    environ: Mapping[str, str],
) -> dict[str, str]:
    """Return a phrase for each setting that leads elsewhere than the environment that ``binding`` binds.

    A value that is the same as the environment's is fine. The file of the credential is not even read.
    """
    found: dict[str, list[str]] = {}
    for name in BOUND:
        variable = _VARIABLES[name]
        own = _normal(name, environ.get(variable) or (binding.url if name == "api_url" else None))
        for value, source in _candidates(name, explicit, config, {}):
            if _normal(name, value) != own:
                found.setdefault(name, []).append(f"{name} comes from the {source} and not from {variable}")
    if environ.get("FUSION_NETOSECRET_FILE", "").strip():
        found.setdefault("netosecret", []).append(f"netosecret comes from the {_FILE} and not from NETOSECRET")
    url = environ.get("FUSION_API_URL", "").strip()
    if binding.url and url and not same_address(url, binding.url):
        found.setdefault("api_url", []).append("FUSION_API_URL names another address than FUSION_EMULATOR")
    return {name: "; ".join(phrases) for name, phrases in found.items()}


def same_address(one: str, other: str) -> bool:
    """Return whether both name one address; what cannot be read is like nothing else."""
    return bool(_normal("api_url", one) == _normal("api_url", other))


def _normal(name: str, value: Any) -> Any:
    """Return the value as :class:`Settings` holds it, or as it is if it breaks the setting's rule."""
    try:
        return value if value is None else _READERS[name](value)
    except ValueError:
        return value


def _read_secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a text")
    text = bare(value)
    if not text:
        raise ValueError("is empty")
    return Secret(text)


def _read_url(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return api_base(bare(value), named_by_owner=True)


def _read_account(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be the shortname of an account")
    return value.strip()


def _read_preflight(value: Any) -> Preflight:
    word = value.strip().lower() if isinstance(value, str) else value
    if word not in get_args(Preflight):
        raise ValueError("must be one of auto, off, required")
    return cast("Preflight", word)


def _read_deadline(value: Any) -> float:
    rule = "must be a number of seconds from 1 to 3600"
    if isinstance(value, bool):
        raise ValueError(rule)
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(rule) from None
    if not 1 <= seconds <= 3600:
        raise ValueError(rule)
    return seconds


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "netosecret": _read_secret,
    "api_url": _read_url,
    "account": _read_account,
    "preflight": _read_preflight,
    "deadline": _read_deadline,
}
