"""The sources of settings, their order, and the validation of their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import SETTING_SOURCES, Settings

KEYS = {
    "netosecret": ("fusion:netosecret", "NETOSECRET"),
    "api_url": ("fusion:apiUrl", "FUSION_API_URL"),
    "account": ("fusion:account", "FUSION_ACCOUNT"),
    "preflight": ("fusion:preflight", "FUSION_PREFLIGHT"),
    "deadline": ("fusion:deadline", "FUSION_DEADLINE"),
    "max_deletes": ("fusion:maxDeletes", "FUSION_MAX_DELETES"),
}
# Three values of each setting, with the value in Settings.
VALUES: dict[str, list[tuple[str, Any]]] = {
    "netosecret": [(text, Secret(text)) for text in ("secret-of-argument", "secret-of-stack", "secret-of-environment")],
    "api_url": [(f"https://{name}.netography.com/api/v1", f"https://{name}.netography.com") for name in "abc"],
    "account": [(name, name) for name in ("acme-1", "acme-2", "acme-3")],
    "preflight": [("off", "off"), ("required", "required"), ("auto", "auto")],
    "deadline": [("10", 10.0), ("20.5", 20.5), ("30", 30.0)],
    "max_deletes": [("0", 0), (" 1 ", 1), ("200", 200)],
}


def resolve(
    explicit: Mapping[str, Any] | None = None,
    config: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    return Settings.resolve(explicit, config=(config or {}).get, environ=environ or {})


def test_every_setting_is_optional() -> None:
    settings = resolve()
    assert settings == Settings()
    assert (settings.preflight, settings.deadline, settings.max_deletes) == ("auto", 300.0, None)
    assert settings.sources == {}


@pytest.mark.parametrize("name", KEYS)
def test_the_sources_of_settings_have_an_order(name: str) -> None:
    key, variable = KEYS[name]
    (argument, a), (stack, s), (environment, e) = VALUES[name]
    for explicit, config, expected, source in (
        ({name: argument}, {key: stack}, a, "argument"),
        ({}, {key: stack}, s, f"stack configuration {key}"),
        ({}, {}, e, f"environment variable {variable}"),
    ):
        settings = resolve(explicit, config, {variable: environment})
        assert getattr(settings, name) == expected
        assert settings.sources == {name: source}


@pytest.mark.parametrize("name", KEYS)
def test_a_blank_setting_counts_as_absent(name: str) -> None:
    key, variable = KEYS[name]
    environment, expected = VALUES[name][2]
    assert getattr(resolve({name: " "}, {key: ""}, {variable: environment}), name) == expected
    assert resolve({name: None}, {key: "\t"}, {variable: "  "}) == Settings()


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSION_ACCOUNT", " acme-corp ")
    assert Settings.resolve().account == "acme-corp"


NO_SECONDS: list[Any] = ["soon", "0", "0.9", "-1", "3601", "nan", "inf", "-inf", True, [], 10**400, "1h"]
NO_COUNT: list[Any] = ["-1", -1, "1.5", 1.5, "1e3", "many", "\u0661", "9" * 10, "none", float("inf"), True, ["1"]]


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("netosecret", 7, "must be a string"),
        ("api_url", 7, "must be a string"),
        ("api_url", "http://api.netography.com", "must use https"),
        ("account", 7, "must be the shortname of an account"),
        ("preflight", "maybe", "must be one of auto, off, required"),
        ("preflight", True, "must be one of auto, off, required"),
        ("preflight", ["auto"], "must be one of auto, off, required"),
        *(("deadline", value, "must be a number of seconds from 1 to 3600") for value in NO_SECONDS),
        *(("max_deletes", value, "must be a whole number, 0 or more") for value in NO_COUNT),
    ],
    ids=lambda part: ascii(part)[:30],
)
def test_each_invalid_setting_is_reported_with_its_source(name: str, value: Any, rule: str) -> None:
    with pytest.raises(SettingsError) as raised:
        resolve({name: value})
    assert f"{name} (argument) {rule}" in str(raised.value)
    assert "Nothing was sent" in str(raised.value)
    assert not isinstance(raised.value, MissingSetting)


def test_all_invalid_settings_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        resolve({"deadline": "soon"}, {"fusion:preflight": "maybe"}, {"FUSION_API_URL": "ftp://x"})
    for part in ("deadline (argument)", "preflight (stack configuration", "api_url (environment variable"):
        assert part in str(raised.value)


def test_a_whole_number_of_the_wire_is_a_number_of_deletions() -> None:
    assert resolve({"max_deletes": 2.0}).max_deletes == 2


@pytest.mark.parametrize(("word", "mode"), [("AUTO", "auto"), (" Off ", "off"), ("Required", "required")])
def test_the_preflight_setting_ignores_case_and_white_space(word: str, mode: str) -> None:
    assert resolve({"preflight": word}).preflight == mode


def test_a_missing_credential_is_reported_with_every_source() -> None:
    with pytest.raises(MissingSetting) as raised:
        resolve().credential()
    for way in SETTING_SOURCES["netosecret"]:
        assert way in str(raised.value)


def test_a_credential_that_is_not_utf8_is_a_settings_error() -> None:
    assert resolve(environ={"NETOSECRET": "not-utf8-\udcff-text"}).credential().reveal() == "not-utf8-\udcff-text"


def test_a_credential_that_is_a_secret_stays_one() -> None:
    secret = Secret("secret-of-argument")
    assert resolve({"netosecret": secret}).credential() is secret
