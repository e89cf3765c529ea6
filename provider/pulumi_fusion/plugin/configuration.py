"""The provider's own inputs: the settings of one account, checked key by key.

Values of the environment are read by Configure and written nowhere: whatever CheckConfig returned would be kept in the
state, and a key that is rotated later would not be seen by `pulumi refresh` and `pulumi destroy`
(https://github.com/pulumi/pulumi-azure-native/issues/1309).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from pulumi_fusion.api.tokens import Netosecret
from pulumi_fusion.customer.rules import Failure, nearest
from pulumi_fusion.customer.words import UNKNOWN, state_key
from pulumi_fusion.errors import SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import WAYS, read_setting

__all__ = ["KEYS", "check", "replacing"]

KEYS: Final[Mapping[str, str]] = {state_key(name): name for name in WAYS}
"""The inputs: key of the schema to the name of the setting."""

# The engine's own, which it hands to some providers among the inputs.
_ENGINES: Final = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "parameterization"})


def given(plain: Mapping[str, Any]) -> dict[str, Any]:
    """What was given and says something: blank values count as absent, as they do everywhere."""
    return {
        key: value
        for key, value in plain.items()
        if key not in _ENGINES and not (isinstance(value, str) and not value.strip())
    }


def check(plain: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> list[Failure]:
    """What is wrong with the inputs of a provider, by key; a value that is not known yet passes.

    ``environ`` is looked at where it decides what an input means: a credential for another host than the vendor's is
    right beside an api url from there.
    """
    failures = []
    url = {"apiUrl": environ["FUSION_API_URL"]} if environ.get("FUSION_API_URL") else {}
    for key, value in given(plain).items():
        if key not in KEYS:
            failures.append(
                Failure(key, f"is no setting of this provider{nearest(key, KEYS)}; it has {', '.join(KEYS)}")
            )
        elif value is not UNKNOWN:
            try:
                read = read_setting(KEYS[key], value)
                if isinstance(read, Secret):
                    _account({**url, **given(plain)})
            except ValueError as wrong:
                failures.append(Failure(key, f"{key} {wrong}"))
            except SettingsError as wrong:
                failures.append(Failure(key, f"{key}: {wrong.came_back}. {wrong.next_step}"))
    return failures


class _Account(NamedTuple):
    """Where a provider works: the service's host, and the account that the credential belongs to; None: not told."""

    host: str | None
    home: str | None


def _account(plain: Mapping[str, Any]) -> _Account:
    """Raises SettingsError or ValueError where the inputs cannot be read."""
    inputs = given(plain)
    url, secret = inputs.get("apiUrl"), inputs.get("netosecret")
    known_url = read_setting("api_url", url) if isinstance(url, str) else None
    if not isinstance(secret, str):
        return _Account(urlsplit(known_url).netloc if known_url else None, None)
    credential = Netosecret.parse(Secret(secret), api_url=known_url)
    # A url that is not known yet may be any.
    return _Account(None if url is UNKNOWN else urlsplit(credential.url).netloc, credential.shortname)


def replacing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The keys whose change makes it another service or another account, so that its customers are others too.

    A credential that is rotated, and whatever only one side tells, replaces nothing.
    """
    try:
        before, after = _account(old), _account(new)
    except (SettingsError, ValueError):
        return []
    keys = []
    if None not in (before.host, after.host) and before.host != after.host:
        keys.append("apiUrl" if old.get("apiUrl") != new.get("apiUrl") else "netosecret")
    if None not in (before.home, after.home) and before.home != after.home:
        keys.append("netosecret")
    return list(dict.fromkeys(keys))
