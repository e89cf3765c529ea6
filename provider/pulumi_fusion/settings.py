"""Resolve the settings: explicit argument, then stack configuration, then environment, then default."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

from pulumi_fusion.api_url import api_base
from pulumi_fusion.binding import BOUND, Binding
from pulumi_fusion.credential_file import bare, read_credential
from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.redaction import Secret

__all__ = [
    "PREFLIGHT_SECONDS",
    "SETTING_SOURCES",
    "Preflight",
    "Settings",
    "other_sources",
    "read_setting",
    "same_address",
]

Preflight = Literal["auto", "off", "required"]

# Seconds for all requests of a preflight, so that a preview doesn't wait long for a service that is down.
PREFLIGHT_SECONDS: Final = 30.0

SETTING_SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "netosecret": (
        "`pulumi config set --secret fusion:netosecret`",
        "the environment variable NETOSECRET",
        "a file named by the environment variable FUSION_NETOSECRET_FILE",
    ),
    "api_url": ("`pulumi config set fusion:apiUrl`", "the environment variable FUSION_API_URL"),
    "account": ("`pulumi config set fusion:account`", "the environment variable FUSION_ACCOUNT"),
    "preflight": ("`pulumi config set fusion:preflight`", "the environment variable FUSION_PREFLIGHT"),
    "deadline": ("`pulumi config set fusion:deadline`", "the environment variable FUSION_DEADLINE"),
    "max_deletes": ("`pulumi config set fusion:maxDeletes`", "the environment variable FUSION_MAX_DELETES"),
}
"""The sources of each setting, except an explicit argument, in the order of precedence."""

_CONFIG_KEYS: Final[Mapping[str, str]] = {
    "netosecret": "fusion:netosecret",
    "api_url": "fusion:apiUrl",
    "account": "fusion:account",
    "preflight": "fusion:preflight",
    "deadline": "fusion:deadline",
    "max_deletes": "fusion:maxDeletes",
}
_VARIABLES: Final[Mapping[str, str]] = {
    "netosecret": "NETOSECRET",
    "api_url": "FUSION_API_URL",
    "account": "FUSION_ACCOUNT",
    "preflight": "FUSION_PREFLIGHT",
    "deadline": "FUSION_DEADLINE",
    "max_deletes": "FUSION_MAX_DELETES",
}
_FILE: Final = "file named by FUSION_NETOSECRET_FILE"


@dataclass(frozen=True)
class Settings:
    """The settings of a run.

    Args:
        netosecret: The API credential (base64 JSON, see https://docs.netography.com/reference/netosecret).
        api_url: The url of the service; by default that in the credential.
        account: The shortname of the sub-account to work in; by default the credential's account.
        preflight: Whether a preview sends requests to the service.
        deadline: Seconds that one operation may take.
        max_deletes: How many customers one run may delete, None for any number.
        sources: The source of each setting that was given, by its name.
    """

    netosecret: Secret | None = None
    api_url: str | None = None
    account: str | None = None
    preflight: Preflight = "auto"
    deadline: float = 300.0
    max_deletes: int | None = None
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

        Blank values count as absent. Inside the emulator's environment or a session's, only that environment may supply
        a credential, url or account.

        Args:
            explicit: Values by the names of settings.
            config: Returns the value of a stack configuration key such as ``fusion:apiUrl``, or None.
            environ: The environment; by default that of this process.

        Raises:
            SettingsError: Settings are invalid or come from a source that isn't allowed; it names all of them.
        """
        environ = os.environ if environ is None else environ
        binding = Binding.of(environ)
        if binding and (found := other_sources(binding, explicit or {}, config, environ)):
            raise binding.refusal(found.values())
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        problems: list[str] = []
        for name in SETTING_SOURCES:
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
        """Return the netosecret. Raises MissingSetting, which names its possible sources."""
        if self.netosecret is None:
            raise missing("netosecret", "the API credential of your Fusion account")
        return self.netosecret


def read_setting(name: str, value: Any) -> Any:
    """Return the parsed value of one setting. Raises ValueError with the rule, which doesn't quote the value."""
    return _READERS[name](value)


def missing(name: str, meaning: str) -> MissingSetting:
    """Return the error about a missing setting, with its meaning and its possible sources."""
    return MissingSetting(
        "reach the service",
        f"{name} is not set ({meaning})",
        next_step=f"Nothing was sent. Set it by one of: {'; '.join(SETTING_SOURCES[name])}.",
    )


def _candidates(
    name: str,
    explicit: Mapping[str, Any],
    config: Callable[[str], Any],
    environ: Mapping[str, str],
) -> list[tuple[Any, str]]:
    """Return each value that was given and isn't blank, with its source, in the order of precedence."""
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
    """Return a phrase for each setting whose source isn't allowed in an environment that ``binding`` binds.

    A value that is equal to the environment's is allowed. The file of the credential isn't read.
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
    """Return whether both urls name the same service; an invalid one is only equal to itself."""
    return bool(_normal("api_url", one) == _normal("api_url", other))


def _normal(name: str, value: Any) -> Any:
    """Return the parsed value of a setting, or the value itself if it is invalid."""
    try:
        return value if value is None else _READERS[name](value)
    except ValueError:
        return value


def _read_secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("must be a string")
    text = bare(value)
    if not text:
        raise ValueError("is empty")
    return Secret(text)


def _read_url(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
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


def _read_max_deletes(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():  # a number on the wire
        value = int(value)
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "netosecret": _read_secret,
    "api_url": _read_url,
    "account": _read_account,
    "preflight": _read_preflight,
    "deadline": _read_deadline,
    "max_deletes": _read_max_deletes,
}
