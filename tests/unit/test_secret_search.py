"""A secret is found in every supported encoding, and not in texts without one."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import random
import secrets
import textwrap
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulumi_fusion.api.credentials import Netosecret
from pulumi_fusion.redaction import Secret
from pulumi_fusion.secret_search import SecretSearch

FIELDS: Final = {
    "url": "https://api.netography.com/api/v1",
    "shortname": "example-msp",
    "appname": "pulumi-fusion",
    "appkey": secrets.token_hex(16),
    "sharedsecret": secrets.token_hex(32),
}
CREDENTIAL: Final = base64.b64encode(json.dumps(FIELDS, indent=2).encode()).decode()
PARTS: Final = {
    "the credential": CREDENTIAL,
    "unpadded": CREDENTIAL.rstrip("="),
    "its document": json.dumps(FIELDS),
    "its shared secret": FIELDS["sharedsecret"],
    "its key": FIELDS["appkey"],
    "an env file": f"# for the tests\nexport HOME=/root\nNETOSECRET={CREDENTIAL}\nOTHER=x\n",
}


@pytest.fixture(scope="module")
def search() -> Iterator[SecretSearch]:
    known = Secret(CREDENTIAL)
    parsed = Netosecret.parse(known)
    yield SecretSearch()
    for secret in (known, parsed.appkey, parsed.sharedsecret):
        secret.forget()


def _lines(text: str, width: int = 76, indent: str = "") -> str:
    return "\n".join(indent + text[at : at + width] for at in range(0, len(text), width))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


WRAPPINGS: Final[dict[str, Callable[[str], str]]] = {
    "base64": _base64,
    "url-safe": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 with newlines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 with escaped newlines": lambda text: json.dumps(base64.encodebytes(text.encode()).decode()),
    "UTF-16 in base64": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex with colons": lambda text: text.encode().hex(":").upper(),
    "escaped bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "folded hex": lambda text: _lines(text.encode().hex(), 60),
    "quoted": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "JSON": lambda text: json.dumps({"key": text}),
    "JSON in JSON": lambda text: json.dumps({"key": json.dumps([text])}),
    "gzip": lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
    "zlib": lambda text: base64.b64encode(zlib.compress(text.encode())).decode(),
    "docker": lambda text: json.dumps({"auths": {"registry.example": {"auth": _base64(f"user:{text}")}}}, indent=2),
    "kubernetes": lambda text: f"apiVersion: v1\nkind: Secret\ndata:\n  token: {_base64(text)}\n",
    "XML": lambda text: f'<key value="{html.escape(text).replace(chr(10), "&#10;").replace("+", "&#x2B;")}"/>',
    "an env file": lambda text: f"PATH=/bin\nNETOSECRET='{text}'\nTERM=dumb\n",
}
# Only texts without white space are unchanged by these.
FOLDINGS: Final[dict[str, Callable[[str], str]]] = {
    "fold": _lines,
    "fold of Windows": lambda text: _lines(text).replace("\n", "\r\n"),
    "a YAML block": lambda text: "key: |\n" + _lines(text, 64, "  ") + "\nother: x\n",
    "a folded YAML text": lambda text: 'key: "' + _lines(text, 40, "  ").strip() + '"',
    "a list": lambda text: "\n".join(f"  - {line}" for line in _lines(text, 60).split("\n")),
    "escaped newlines": lambda text: _lines(text).replace("\n", "\\n"),
    "lines of XML": lambda text: _lines(text).replace("\n", "&#xd;&#10;"),
    "quoted lines": lambda text: " \\\n".join(f'"{line}"' for line in _lines(text, 50).split("\n")),
    "a mail": lambda text: "\n".join(f"> {line}" for line in textwrap.wrap(text, 70)),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.threat("reads-the-credential")
def test_each_secret_is_found_in_each_encoding(search: SecretSearch, part: str, wrapping: str) -> None:
    wrapped = WRAPPINGS[wrapping](PARTS[part])
    assert search.finds(wrapped)
    assert search.finds(f"before {wrapped} after")
    assert search.finds(WRAPPINGS[wrapping](wrapped))


@pytest.mark.parametrize("folding", FOLDINGS)
@pytest.mark.parametrize("wrapping", [None, "base64", "gzip", "hex", "url-safe"])
@pytest.mark.threat("reads-the-credential")
def test_a_secret_is_found_in_folded_lines(search: SecretSearch, folding: str, wrapping: str | None) -> None:
    text = WRAPPINGS[wrapping](CREDENTIAL) if wrapping else CREDENTIAL
    folded = FOLDINGS[folding](text)
    assert search.finds(folded)
    assert search.finds(_base64(folded))
    assert search.finds(_base64(_base64(folded)))


SURROUNDING: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
LAYER: Final = st.tuples(SURROUNDING, st.sampled_from(sorted(WRAPPINGS)), SURROUNDING)


@given(part=st.sampled_from(sorted(PARTS)), layers=st.lists(LAYER, min_size=1, max_size=3), fold=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.threat("reads-the-credential")
def test_a_secret_is_found_in_three_nested_documents(
    search: SecretSearch, part: str, layers: list[tuple[str, str, str]], fold: bool
) -> None:
    text = PARTS[part]
    for before, wrapping, after in layers:
        text = f"{before}{WRAPPINGS[wrapping](text)}{after}"
    if fold and layers[-1][1] in ("base64", "url-safe", "gzip", "hex"):
        text = _lines(text)
    assert search.finds(text)


ORDINARY: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LS_COLORS": ":".join(f"*.{each}=01;31" for each in ("tar", "tgz", "zip", "jpg", "png", "mp3")) * 20,
    "DOCKER_CONFIG_JSON": WRAPPINGS["docker"]("another-password-of-somebody"),
    "KUBE": WRAPPINGS["kubernetes"](secrets.token_hex(32)),
    "OTHER_NETOSECRET_LIKE": _base64(json.dumps({**FIELDS, "appkey": "0" * 32, "sharedsecret": "1" * 64})),
    "ENCODED": _base64("nothing that anybody would hide " * 20),
    "CERTIFICATE": base64.encodebytes(secrets.token_bytes(1500)).decode(),
    "GZIPPED": WRAPPINGS["gzip"]("the quick brown fox" * 50),
    "HEX": secrets.token_hex(500),
    "URL": "https://example.com/?q=%7B%22a%22%3A%20%22b%22%7D",
    "BASH_FUNC_which%%": '() {  ( alias;\n eval ${which_declare} ) | /usr/bin/which "$@"\n}',
    "NAME": FIELDS["shortname"] + FIELDS["appname"] + FIELDS["url"],
    "EMPTY": "",
    "BROKEN": "\udcff\ud800 %zz \\u12 \\",
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_variables_contain_no_secret(search: SecretSearch, name: str) -> None:
    assert not search.finds(ORDINARY[name])


def test_the_environment_of_the_tests_contains_no_secret(search: SecretSearch) -> None:
    assert [name for name, value in os.environ.items() if search.finds(value)] == []


@given(text=st.text(max_size=400), wrapping=st.sampled_from(sorted(WRAPPINGS)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_texts_contain_no_secret_in_any_encoding(search: SecretSearch, text: str, wrapping: str) -> None:
    text = text.encode(errors="replace").decode()
    assert not search.finds(text)
    assert not search.finds(WRAPPINGS[wrapping](text))


def _nested(text: str) -> str:
    for _ in range(12):
        text = _base64(text)
    return text


NOISE: Final = random.Random(1)  # noqa: S311 - the same in each run
LARGE: Final = {
    "random bytes": base64.b64encode(NOISE.randbytes(90_000)).decode(),
    "digits": NOISE.randbytes(60_000).hex(),
    "one letter": "V" * 120_000,
    "escapes": "\\" * 120_000,
    "percent signs": "%25" * 40_000,
    "ampersands": "&amp;" * 24_000,
    "a bomb": base64.b64encode(gzip.compress(b"\0" * 50_000_000)).decode(),
    "many beginnings": base64.b64encode(b"\x1f\x8b\x08x\x9c" * 18_000).decode(),
    "many layers": _nested("x" * 4000),
}


@pytest.mark.parametrize("case", LARGE)
def test_the_search_for_secrets_is_bounded(search: SecretSearch, case: str) -> None:
    began = time.process_time()
    assert not search.finds(LARGE[case])
    assert time.process_time() - began < 10


def test_without_a_known_secret_nothing_is_found() -> None:
    assert not SecretSearch().finds(CREDENTIAL[::-1])
