"""Where settings come from, which counts, and which addresses a credential may travel to."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import pytest

from pulumi_fusion.errors import MissingSetting, SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import SETTING_SOURCES, Settings, api_base

KEYS = {
    "netosecret": ("fusion:netosecret", "NETOSECRET"),
    "api_url": ("fusion:apiUrl", "FUSION_API_URL"),
    "account": ("fusion:account", "FUSION_ACCOUNT"),
    "preflight": ("fusion:preflight", "FUSION_PREFLIGHT"),
    "deadline": ("fusion:deadline", "FUSION_DEADLINE"),
}
# Three values of each setting, and how Settings holds them.
VALUES: dict[str, list[tuple[str, Any]]] = {
    "netosecret": [(text, Secret(text)) for text in ("secret-of-argument", "secret-of-stack", "secret-of-environment")],
    "api_url": [(f"https://{name}.netography.com/api/v1", f"https://{name}.netography.com") for name in "abc"],
    "account": [(name, name) for name in ("acme-1", "acme-2", "acme-3")],
    "preflight": [("off", "off"), ("required", "required"), ("auto", "auto")],
    "deadline": [("10", 10.0), ("20.5", 20.5), ("30", 30.0)],
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
    assert (settings.preflight, settings.deadline, dict(settings.sources)) == ("auto", 300.0, {})


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


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.netography.com", "https://api.netography.com"),
        ("https://api.netography.com/", "https://api.netography.com"),
        ("https://api.netography.com/api/v1", "https://api.netography.com"),
        ("https://api.netography.com/v1/", "https://api.netography.com"),
        ("https://api.netography.com/api", "https://api.netography.com"),
        (" https://api.netography.com ", "https://api.netography.com"),
        ("HTTPS://API.Netography.COM", "https://api.netography.com"),
        ("api.netography.com", "https://api.netography.com"),
        ("api.netography.com:8443/v1", "https://api.netography.com:8443"),
        ("https://netography.com", "https://netography.com"),
        ("https://eu.api.vectra.ai", "https://eu.api.vectra.ai"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://localhost", "https://localhost"),
    ],
)
def test_urls_that_a_credential_may_contain_are_accepted(url: str, base: str) -> None:
    assert api_base(url, named_by_owner=False) == base


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "must be a URL"),
        ("https://", "must be a URL"),
        ("//api.netography.com", "must be a URL"),
        ("ftp://api.netography.com", "must be a URL"),
        ("file:///etc/passwd", "must be a URL"),
        ("https://api.netography.com:99999", "isn't a valid URL"),
        ("https://api.netography.com:x", "isn't a valid URL"),
        ("https://[::1", "isn't a valid URL"),
        ("http://api.netography.com", "must use https"),
        ("http://192.0.2.1", "must use https"),
        ("http://0.0.0.0", "must use https"),
        ("http://localhost.example.com", "must use https"),
        ("http://127.1", "must use https"),
        ("http://2130706433", "must use https"),
        ("https://user@api.netography.com", "must not contain a user name or password"),
        ("https://user:pass-word@api.netography.com", "must not contain a user name or password"),
        ("https://@api.netography.com", "must not contain a user name or password"),
        ("https://api.netography.com@evil.example", "must not contain a user name or password"),
        ("https://api.netography.com?x=1", "must not contain a query or a fragment"),
        ("https://api.netography.com#x", "must not contain a query or a fragment"),
        ("https://api.netography.com/v2", "must have no path"),
        ("https://api.netography.com/api/v1/customer", "must have no path"),
        ("https://api.netography.com/../v1", "must have no path"),
        ("https://evil.example\\.netography.com", "must name a host in plain ASCII"),
        ("https://evil.example%2f.netography.com", "must name a host in plain ASCII"),
        ("https://evil.example;.netography.com", "must name a host in plain ASCII"),
        ("https://api netography.com", "must name a host in plain ASCII"),
        ("https://api.netogräphy.com", "must name a host in plain ASCII"),
        ("https://.netography.com", "must name a host in plain ASCII"),
        ("https://api..netography.com", "must name a host in plain ASCII"),
        ("https://[fe80::1%25eth0]", "must name a host in plain ASCII"),
    ],
)
@pytest.mark.parametrize("named_by_owner", [True, False])
def test_invalid_api_urls_are_refused(url: str, rule: str, named_by_owner: bool) -> None:
    with pytest.raises(ValueError, match=rule) as raised:
        api_base(url, named_by_owner=named_by_owner)
    assert "evil" not in str(raised.value)
    assert "pass-word" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://netography.com.evil.example",
        "https://evilnetography.com",
        "https://api-netography.com",
        "https://vectra.ai.evil.example",
        "https://192.0.2.1",
        "https://169.254.169.254",
        "https://[2001:db8::1]",
    ],
)
def test_other_hosts_are_accepted_only_from_the_api_url_setting(url: str) -> None:
    assert api_base(url, named_by_owner=True) == url
    with pytest.raises(ValueError, match=r"names a host outside netography\.com and vectra\.ai") as raised:
        api_base(url, named_by_owner=False)
    assert url not in str(raised.value)
    assert resolve({"api_url": url}).api_url == url


def test_validating_an_api_url_resolves_no_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(*args: object) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    api_base("https://nowhere.netography.com", named_by_owner=False)


def test_a_credential_that_is_a_secret_stays_one() -> None:
    secret = Secret("secret-of-argument")
    assert resolve({"netosecret": secret}).credential() is secret
