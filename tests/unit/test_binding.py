"""Inside the emulator's environment or a session's, no other source can supply a credential, url or account."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_emulator import Emulator
from fusion_emulator.serving import settings_of
from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.binding import BOUND, EMULATOR, SESSION, SESSION_ID, Binding
from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.plugin import configuration
from pulumi_fusion.sessions.request import MARKER, MARKER_ID
from pulumi_fusion.settings import Settings

HERE: Final = "http://127.0.0.1:4100"
PRODUCTION: Final = "https://api.netography.com"
ID: Final = "0123456789abcdef"

CONFIG_KEYS: Final = {"netosecret": "fusion:netosecret", "api_url": "fusion:apiUrl", "account": "fusion:account"}
VARIABLES: Final = {"netosecret": "NETOSECRET", "api_url": "FUSION_API_URL", "account": "FUSION_ACCOUNT"}


def credential(**changed: str) -> str:
    fields = {"url": PRODUCTION, "shortname": "real-msp", "appname": "terraform", "appkey": "a-real-key", **changed}
    return base64.b64encode(json.dumps({"sharedsecret": "a-shared-secret", **fields}).encode()).decode()


EMULATED: Final = credential(url=HERE, shortname="example-msp")
OF_SESSION: Final = credential(url=f"{HERE}/api/v1", shortname="acme-corp", appname=f"masquerade-{ID[:8]}")
REAL: Final = credential()

IN_EMULATOR: Final = {EMULATOR: HERE, "NETOSECRET": EMULATED, "FUSION_API_URL": HERE}
IN_SESSION: Final = {SESSION: "acme-corp", SESSION_ID: ID, "NETOSECRET": OF_SESSION}
ENVIRONMENTS: Final = {
    "emulator": IN_EMULATOR,
    "emulator, account": {**IN_EMULATOR, "FUSION_ACCOUNT": "north-mssp"},
    "emulator, half unset": {EMULATOR: HERE},
    "session": IN_SESSION,
    "raw token": {SESSION: "acme-corp", SESSION_ID: ID},
}


def resolve(
    environ: Mapping[str, str], explicit: Mapping[str, Any] | None = None, config: Mapping[str, str] | None = None
) -> Settings:
    return Settings.resolve(explicit, config=(config or {}).get, environ=environ)


def refusal(environ: Mapping[str, str], *sources: Mapping[str, Any]) -> str:
    with pytest.raises(SettingsError) as refused:
        resolve(environ, *sources)
    assert not isinstance(refused.value, MissingSetting)
    for secret in (EMULATED, OF_SESSION, REAL):
        assert secret not in str(refused.value)
    return str(refused.value)


VALUES: Final = {
    "netosecret": st.sampled_from(["", " ", EMULATED, f'"{EMULATED}"', OF_SESSION, REAL]),
    "api_url": st.sampled_from(["", HERE, f"{HERE}/api/v1", "http://localhost:4100", PRODUCTION, "ftp://x"]),
    "account": st.sampled_from(["", "north-mssp", " north-mssp ", "acme-corp", "real-msp"]),
}
GIVEN: Final = st.fixed_dictionaries({}, optional=VALUES)


def same(name: str, value: str, environ: Mapping[str, str]) -> bool:
    """Return whether a person would consider the value equal to the environment's."""
    own = environ.get(VARIABLES[name]) or (environ.get(EMULATOR) if name == "api_url" else None)
    trimmed = value.strip(' "').removesuffix("/api/v1")
    return own is not None and trimmed == own.strip()


@given(st.sampled_from(sorted(ENVIRONMENTS)), GIVEN, GIVEN, st.booleans())
def test_in_a_bound_environment_other_sources_are_equal_or_refused(
    where: str, explicit: dict[str, str], stack: dict[str, str], file: bool
) -> None:
    environ = {**ENVIRONMENTS[where], **({"FUSION_NETOSECRET_FILE": "/never/read"} if file else {})}
    config = {CONFIG_KEYS[name]: value for name, value in stack.items()}
    foreign = [
        (name, source)
        for given_by, source in ((explicit, "argument"), (stack, "stack configuration"))
        for name, value in given_by.items()
        if value.strip() and not same(name, value, environ)
    ]
    foreign += [("netosecret", "file named by FUSION_NETOSECRET_FILE")] * file
    if foreign:
        message = refusal(environ, explicit, config)
        for name, source in foreign:
            assert f"{name} comes from the {source}" in message
            assert VARIABLES[name] in message
        assert Binding.of(environ).variable in message  # type: ignore[union-attr]
        assert "`unset FUSION_" in message
        assert "Nothing was sent" in message
        return
    settings = resolve(environ, explicit, config)
    alone = resolve(ENVIRONMENTS[where])
    assert settings.netosecret == alone.netosecret
    assert settings.account == alone.account
    assert settings.api_url in (alone.api_url, environ.get(EMULATOR))


@given(st.sampled_from(sorted(ENVIRONMENTS)), GIVEN, st.booleans())
def test_no_client_in_a_bound_environment_connects_elsewhere(
    where: str, explicit: dict[str, str], by_settings: bool
) -> None:
    """With arguments, and with settings that were created earlier."""
    environ = ENVIRONMENTS[where]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        try:
            given_before = Settings.resolve(explicit, environ={}) if by_settings else None
            client = FusionClient(given_before, **({} if by_settings else explicit))  # type: ignore[arg-type]
        except SettingsError:
            return
    assert client.url == HERE
    assert client.home_account == {EMULATED: "example-msp", OF_SESSION: "acme-corp"}[environ["NETOSECRET"]]
    assert client.account in (client.home_account, environ.get("FUSION_ACCOUNT"))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({**IN_EMULATOR, "FUSION_API_URL": PRODUCTION}, "FUSION_API_URL names another address than FUSION_EMULATOR"),
        ({**IN_EMULATOR, "FUSION_API_URL": "", "NETOSECRET": REAL}, "the address in NETOSECRET is another one"),
        ({**IN_EMULATOR, "FUSION_NETOSECRET_FILE": "/x"}, "comes from the file named by FUSION_NETOSECRET_FILE"),
        ({**IN_EMULATOR, EMULATOR: "http://127.0.0.1:4999"}, "names another address"),
        ({**IN_EMULATOR, EMULATOR: "1"}, "names another address"),
        ({**IN_EMULATOR, EMULATOR: "ftp://x", "FUSION_API_URL": ""}, "the address in NETOSECRET is another one"),
        ({**IN_SESSION, "NETOSECRET": REAL}, "the credential in NETOSECRET is not the session's"),
        ({**IN_SESSION, SESSION_ID: "another-session"}, "the credential in NETOSECRET is not the session's"),
        ({**IN_SESSION, "FUSION_API_URL": PRODUCTION}, "FUSION_API_URL names another address than the session's"),
        # A session's shell in which `. ./fusion.env` was run, and the leftover variables of an earlier session.
        ({**IN_SESSION, **IN_EMULATOR}, "the credential in NETOSECRET is not the session's"),
        ({SESSION: "acme-corp", "NETOSECRET": REAL}, f"`unset {SESSION} {SESSION_ID}`"),
    ],
)
def test_an_environment_that_contradicts_its_marker_is_refused(
    environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        FusionClient()
    assert said in str(refused.value)
    assert "`unset FUSION_" in str(refused.value)


def test_the_refusal_in_the_emulator_advises_a_separate_stack() -> None:
    message = refusal(IN_EMULATOR, {}, {"fusion:netosecret": REAL, "fusion:apiUrl": PRODUCTION})
    assert f"bound to the emulator at {HERE} (environment variable FUSION_EMULATOR)" in message
    assert "netosecret comes from the stack configuration fusion:netosecret and not from NETOSECRET" in message
    assert "api_url comes from the stack configuration fusion:apiUrl and not from FUSION_API_URL" in message
    assert "`pulumi stack init rehearsal`" in message


def test_a_session_without_a_credential_reports_it_and_uses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SESSION, "acme-corp")
    with pytest.raises(MissingSetting) as missing:
        FusionClient()
    assert "NETOSECRET, the only allowed source of a credential, is not set" in str(missing.value)
    assert "pulumi config set" not in str(missing.value)
    assert "netosecret comes from the argument" in refusal({SESSION: "acme-corp"}, {"netosecret": REAL})


@pytest.mark.parametrize("name", [EMULATOR, SESSION])
def test_a_blank_marker_binds_nothing(name: str) -> None:
    assert Binding.of({name: " "}) is None
    assert Binding.of({}) is None


def test_other_settings_are_not_bound() -> None:
    settings = resolve(IN_EMULATOR, {"deadline": 20}, {"fusion:preflight": "off"})
    assert (settings.deadline, settings.preflight) == (20.0, "off")
    assert set(BOUND) == {"netosecret", "api_url", "account"}


def test_the_configuration_of_a_provider_fails_its_check_once() -> None:
    inputs = {"account": "north-mssp", "netosecret": REAL, "apiUrl": PRODUCTION, "deadline": 7}
    for explicit, source in ((True, "argument"), (False, "stack configuration fusion:")):
        [failure] = configuration.check(inputs, IN_EMULATOR, explicit=explicit)
        assert failure.property == "netosecret"
        for name in BOUND:
            assert f"{name} comes from the {source}" in failure.reason
    assert configuration.check({"netosecret": EMULATED, "apiUrl": HERE, "deadline": 7}, IN_EMULATOR) == []


def test_the_session_and_the_binding_use_the_same_variables() -> None:
    assert (MARKER, MARKER_ID) == (SESSION, SESSION_ID)
    running = cast("Emulator", SimpleNamespace(url=HERE, netosecret=EMULATED))
    assert settings_of(running) == IN_EMULATOR
