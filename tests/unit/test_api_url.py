"""Which urls a credential may be sent to."""

from __future__ import annotations

import socket

import pytest

from pulumi_fusion.api_url import api_base
from pulumi_fusion.settings import Settings


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
    assert Settings.resolve({"api_url": url}, environ={}).api_url == url


def test_validating_an_api_url_resolves_no_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_up(*args: object) -> None:
        raise AssertionError(args)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    api_base("https://nowhere.netography.com", named_by_owner=False)
