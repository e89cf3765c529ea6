"""The credential in all its shapes, and what is signed with it."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import jwt
import pytest

from pulumi_fusion.api.credentials import Netosecret, request_token
from pulumi_fusion.errors import FusionError, SettingsError
from pulumi_fusion.redaction import Secret, redact

APPKEY = "c4f1-appkey-7d02"
SHARED = "s3cr3t?>shared~~secret-that-is-long-enough"
FIELDS = {
    "url": "https://api.netography.com/api/v1",
    "shortname": "msp01",
    "appname": "pulumi",
    "sharedsecret": SHARED,
    "appkey": APPKEY,
}


def encoded(fields: Any = None, *, indent: int | None = 2, **changes: Any) -> str:
    content = FIELDS | changes if fields is None else fields
    return base64.b64encode(json.dumps(content, indent=indent).encode()).decode()


PADDED = next(text for text in (encoded(appname="a" * n) for n in range(1, 9)) if text.endswith("="))


@pytest.mark.parametrize(
    "text",
    [
        PADDED,
        PADDED.rstrip("="),
        PADDED + "==",
        PADDED.replace("+", "-").replace("/", "_"),
        f"  {PADDED}\n",
        "\n".join(PADDED[start : start + 76] for start in range(0, len(PADDED), 76)),
        base64.b64encode(b"\xef\xbb\xbf" + base64.b64decode(PADDED)).decode(),
    ],
)
def test_every_way_to_copy_it_is_read(text: str) -> None:
    secret = Netosecret.parse(Secret(text))
    assert (secret.shortname, secret.url) == ("msp01", "https://api.netography.com")
    assert (secret.appkey.reveal(), secret.sharedsecret.reveal()) == (APPKEY, SHARED)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://api.netography.com/api/v1", "https://api.netography.com"),
        ("https://api.netography.com/v1", "https://api.netography.com"),
        ("https://api.netography.com/", "https://api.netography.com"),
        ("api.netography.com", "https://api.netography.com"),
        ("https://api.fusion.vectra.ai:8443/api/v1/", "https://api.fusion.vectra.ai:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("", "https://api.netography.com"),
        (None, "https://api.netography.com"),
    ],
)
def test_its_url_is_reduced_to_the_host(url: str | None, base: str) -> None:
    assert Netosecret.parse(Secret(encoded(url=url))).url == base


@pytest.mark.parametrize("around", ['"{}"', "'{}'", "\ufeff{}", ' \ufeff"{}"\r\n', "' {} '"])
def test_what_an_editor_or_an_env_file_puts_around_it_does_not_count(around: str) -> None:
    assert Netosecret.parse(Secret(around.format(encoded()))) == Netosecret.parse(Secret(encoded()))


def test_a_missing_url_is_the_vendors() -> None:
    without = {name: value for name, value in FIELDS.items() if name != "url"}
    assert Netosecret.parse(Secret(encoded(without))).url == "https://api.netography.com"


def test_the_api_url_setting_wins_over_any_url_in_it() -> None:
    secret = Netosecret.parse(Secret(encoded(url="http://evil.example")), api_url="https://proxy.corp.example")
    assert secret.url == "https://proxy.corp.example"


BAD = {
    "empty": "",
    "blank": " \n ",
    "padding alone": "==",
    "not base64": "not-base64-$$$-" + APPKEY,
    "quoted on one side": f'"{encoded()}',
    "quoted twice": f"""'"{encoded()}"'""",
    "decoded already": json.dumps(FIELDS),
    "one character short": encoded()[:-3] + "!",
    "cut in the middle": encoded()[:60],
    "cut to an impossible length": encoded()[:61],
    "base64 of text": base64.b64encode(APPKEY.encode()).decode(),
    "base64 of bytes": base64.b64encode(bytes(range(128, 255))).decode(),
    "base64 of a list": encoded([APPKEY]),
    "base64 of a string": encoded(APPKEY),
    "base64 of null": base64.b64encode(b"null").decode(),
    "base64 twice": base64.b64encode(encoded().encode()).decode(),
    "deep": base64.b64encode(b"[" * 3_000).decode(),
    "no appkey": encoded({name: value for name, value in FIELDS.items() if name != "appkey"}),
    "no sharedsecret": encoded({name: value for name, value in FIELDS.items() if name != "sharedsecret"}),
    "no shortname": encoded({name: value for name, value in FIELDS.items() if name != "shortname"}),
    "no appname": encoded({name: value for name, value in FIELDS.items() if name != "appname"}),
    "empty object": encoded({}),
    "blank appkey": encoded(appkey="  "),
    "numeric appkey": encoded(appkey=12345678),
    "null shortname": encoded(shortname=None),
    "numeric url": encoded(url=7),
    "plain http": encoded(url="http://api.netography.com"),
    "foreign host": encoded(url="https://api.netography.com.evil.example"),
    "look-alike host": encoded(url="https://evilnetography.com"),
    "user in the url": encoded(url=f"https://{APPKEY}@api.netography.com"),
    "query in the url": encoded(url=f"https://api.netography.com?{APPKEY}"),
    "other path": encoded(url=f"https://api.netography.com/{APPKEY}"),
    "no url at all": encoded(url="::::"),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_bad_one_is_explained_and_not_quoted(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Netosecret.parse(Secret(text))
    message = str(caught.value)
    assert message.startswith("Could not read the netosecret: ")
    assert "Nothing was sent" in message
    assert "NETOSECRET" in message
    for secret in (APPKEY, SHARED, encoded()[:24]):
        assert secret not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("text", [encoded(), encoded(indent=None), encoded().rstrip("=")])
def test_every_part_of_it_is_masked_from_then_on(text: str) -> None:
    secret = Netosecret.parse(Secret(text))
    for leak in (APPKEY, SHARED, text, base64.b64decode(text + "==").decode(), APPKEY.encode().hex()):
        assert leak not in redact(f"log line with {leak} inside")
    assert APPKEY not in repr(secret)
    assert SHARED not in repr(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_request_token_names_the_key_and_the_account() -> None:
    secret = Netosecret.parse(Secret(encoded()))
    signed = [request_token(secret, "acmecorp", now=1000000.9).reveal() for _ in range(2)]
    first, second = (jwt.decode(text, SHARED, algorithms=["HS256"], options={"verify_iat": False}) for text in signed)
    assert jwt.get_unverified_header(signed[0]) == {"alg": "HS256", "typ": "JWT"}
    assert first["jti"] != second["jti"]
    assert isinstance(first.pop("jti"), str)
    assert first == {"iat": 1000000, "appname": "pulumi", "appkey": APPKEY, "shortname": "acmecorp"}
    assert signed[0] not in str(FusionError("sign", signed[0]))


def test_a_short_shared_secret_signs_without_a_word() -> None:
    secret = Netosecret.parse(Secret(encoded(sharedsecret="short")))
    assert request_token(secret, "msp01", now=0).reveal().count(".") == 2
