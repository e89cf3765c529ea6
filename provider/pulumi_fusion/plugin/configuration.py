"""The provider's own inputs: the settings of one account, checked key by key.

Values of the environment are read by Configure and written nowhere: whatever CheckConfig returned would be kept in the
state, and a key that is rotated later would not be seen by `pulumi refresh` and `pulumi destroy`
(https://github.com/pulumi/pulumi-azure-native/issues/1309).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any, Final

from pulumi_fusion.api.tokens import Netosecret
from pulumi_fusion.binding import Binding
from pulumi_fusion.customer.rules import Failure, nearest
from pulumi_fusion.customer.words import UNKNOWN, state_key
from pulumi_fusion.errors import SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import DEFAULT_API_URL, WAYS, Settings, other_sources, read_setting

__all__ = ["KEYS", "check", "given", "other_account"]

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


def check(
    plain: Mapping[str, Any], environ: Mapping[str, str] = os.environ, *, explicit: bool = False
) -> list[Failure]:
    """What is wrong with the inputs of a provider, by key; a value that is not known yet passes.

    ``environ`` is looked at where it decides what an input means: a credential for another host than the vendor's is
    right beside an api url from there. ``explicit`` says that the program gave the inputs, and not the stack's
    configuration.
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
    """Return one failure that names all inputs that lead elsewhere than an emulator or a session that runs here."""
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
    """Raise SettingsError if the credential cannot be read; an address given as a setting replaces its url."""
    named: str | None = DEFAULT_API_URL
    if url is None or isinstance(url, str):
        with contextlib.suppress(ValueError):  # that is a failure of apiUrl
            named = url and read_setting("api_url", url)
    Netosecret.parse(secret, api_url=named)


def other_account(
    old: Mapping[str, Any], new: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> SettingsError | None:
    """Return the error about a credential of another account than the one that the old inputs name.

    The customers in the state are customers of the old account: under another one they would be read where they
    are not, and replacing them would delete them. So it is never a replacement. Another address, or another key of the
    same account, is a plain update. An old credential that came from the environment is not in the state, so nothing
    can be compared with it.
    """
    before = _home_account(given(old), {})
    after = before and _home_account(given(new), environ)
    if before is None or after is None or before == after:
        return None
    return SettingsError(
        "use the provider's configuration",
        f"netosecret belongs to the account {after!r}, but the provider and its customers in the state belong to "
        f"{before!r}, and a provider does not change its account: its customers would stay behind",
        next_step=(
            f"Nothing was sent. For customers of {after!r} use another stack (`pulumi stack init`), or add another "
            f"provider resource with this credential for them. Leave the customers of {before!r} with a provider that "
            "has a credential of that account."
        ),
    )


def _home_account(inputs: Mapping[str, Any], environ: Mapping[str, str]) -> str | None:
    """Return the account that the credential belongs to, None where there is none or it cannot be read."""
    if "netosecret" in inputs and not isinstance(inputs["netosecret"], str):
        return None  # not known yet
    try:
        secret = Settings.resolve({"netosecret": inputs.get("netosecret")}, environ=environ).netosecret
        # The url decides where it is used and not whose it is, so any host will do here.
        return None if secret is None else Netosecret.parse(secret, api_url=DEFAULT_API_URL).shortname
    except SettingsError:
        return None
