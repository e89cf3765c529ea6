"""The inputs of the provider: the settings of one account.

Configure reads the values of the environment, and they are not written anywhere. What CheckConfig returns is stored in
the state, so that `pulumi refresh` and `pulumi destroy` would not use a key that was rotated later
(https://github.com/pulumi/pulumi-azure-native/issues/1309).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any, Final

from pulumi_fusion.api.credentials import Netosecret
from pulumi_fusion.api_url import DEFAULT_API_URL
from pulumi_fusion.binding import Binding
from pulumi_fusion.customer.names import UNKNOWN, state_key
from pulumi_fusion.customer.rules import Failure, nearest
from pulumi_fusion.errors import SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import SETTING_SOURCES, Settings, other_sources, read_setting

__all__ = ["KEYS", "check", "given", "other_account"]

KEYS: Final[Mapping[str, str]] = {state_key(name): name for name in SETTING_SOURCES}
"""The names of the settings, by key of the schema."""

# The engine adds these to the inputs of some providers.
_ADDED_BY_ENGINE: Final = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "parameterization"})


def given(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are not blank; a blank value counts as unset."""
    return {
        key: value
        for key, value in plain.items()
        if key not in _ADDED_BY_ENGINE and not (isinstance(value, str) and not value.strip())
    }


def check(
    plain: Mapping[str, Any], environ: Mapping[str, str] = os.environ, *, explicit: bool = False
) -> list[Failure]:
    """Return all failures of the inputs of a provider, by key. Unknown values pass.

    Args:
        plain: The inputs.
        environ: The environment. Its api url allows a credential for another host than the vendor's.
        explicit: Whether the inputs are from the program, and not from the stack configuration.
    """
    failures = []
    url = {"apiUrl": environ["FUSION_API_URL"]} if environ.get("FUSION_API_URL") else {}
    failures += _bound_elsewhere(given(plain), environ, explicit=explicit)
    for key, value in given(plain).items():
        if key not in KEYS:
            failures.append(
                Failure(key, f"{key!r} isn't a setting of this provider{nearest(key, KEYS)}; it has {', '.join(KEYS)}")
            )
        elif value is not UNKNOWN:
            try:
                read = read_setting(KEYS[key], value)
                if isinstance(read, Secret):
                    _readable(read, {**url, **given(plain)}.get("apiUrl"))
            except ValueError as wrong:
                failures.append(Failure(key, f"{key} {wrong}"))
            except SettingsError as wrong:
                failures.append(Failure(key, f"{key}: {wrong.came_back}. {wrong.next_step}"))
    return failures


def _bound_elsewhere(inputs: Mapping[str, Any], environ: Mapping[str, str], *, explicit: bool) -> list[Failure]:
    """Return one failure that names all inputs that conflict with the emulator or session of this environment."""
    binding = Binding.of(environ)
    if binding is None:
        return []
    known = {key: value for key, value in inputs.items() if key in KEYS and value is not UNKNOWN}
    arguments = {KEYS[key]: value for key, value in known.items()} if explicit else {}
    config = {} if explicit else {f"fusion:{key}": value for key, value in known.items()}
    found = other_sources(binding, arguments, config.get, environ)
    if not found:
        return []
    refused = binding.refusal(found.values())
    return [Failure(state_key(next(iter(found))), f"{refused.came_back}. {refused.next_step}")]


def _readable(secret: Secret, url: Any) -> None:
    """Raise SettingsError if the credential cannot be read. The setting ``apiUrl`` replaces its url."""
    named: str | None = DEFAULT_API_URL
    if url is None or isinstance(url, str):
        with contextlib.suppress(ValueError):  # reported as a failure of apiUrl
            named = url and read_setting("api_url", url)
    Netosecret.parse(secret, api_url=named)


def other_account(
    old: Mapping[str, Any], new: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> SettingsError | None:
    """Return the error for a credential of another account than that of the old inputs, or None.

    The customers in the state belong to the old account. The other account does not have them, and replacing them would
    delete them, so this is an error and not a replacement. Another url, or another key of the same account, is an
    update. An old credential from the environment isn't in the state, so it cannot be compared.
    """
    before = _home_account(given(old), {})
    after = before and _home_account(given(new), environ)
    if before is None or after is None or before == after:
        return None
    return SettingsError(
        "use the provider's configuration",
        f"netosecret belongs to the account {after!r}, but the provider and its customers in the state belong to "
        f"{before!r}, and a provider cannot change its account, which would still have these customers",
        next_step=(
            f"Nothing was sent. For customers of {after!r} use another stack (`pulumi stack init`), or add another "
            f"provider resource with this credential for them. The customers of {before!r} need a provider with a "
            "credential of that account."
        ),
    )


def _home_account(inputs: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    """Return the account of the credential; None if there is no credential or it cannot be read."""
    if "netosecret" in inputs and not isinstance(inputs["netosecret"], str):
        return None  # unknown
    try:
        secret = Settings.resolve({"netosecret": inputs.get("netosecret")}, environ=environ).netosecret
        # The account does not depend on the url, so any url is passed here.
        return None if secret is None else Netosecret.parse(secret, api_url=DEFAULT_API_URL).shortname
    except SettingsError:
        return None
