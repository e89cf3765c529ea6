"""Trusted certificates, and the errors about a certificate or a SOCKS proxy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from pulumi_fusion.errors import NotSent
from tests.contract.tls.service import CERTIFICATE, TlsService, tls_service

# The output of `openssl x509 -hash`: the name by which OpenSSL finds the certificate in a folder.
HASH = "97138f5b.0"
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service() -> Iterator[TlsService]:
    with tls_service() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(CERTIFICATE, tmp_path / HASH)
    return tmp_path


@pytest.fixture(scope="module")
def credential() -> str:
    with Emulator() as emulator:
        return emulator.netosecret


def ask(credential: str, url: str) -> object:
    with FusionClient(netosecret=credential, api_url=url, deadline=10) as client:
        return client.list_customers()


def test_an_authority_that_nobody_named_is_refused_with_the_variable(service: TlsService, credential: str) -> None:
    with pytest.raises(NotSent, match="TLS certificate not accepted: self") as caught:
        ask(credential, service.url)
    assert caught.value.permanent
    assert "set REQUESTS_CA_BUNDLE to a PEM file" in str(caught.value)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_file_of_certificates_counts(
    service: TlsService, credential: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(CERTIFICATE))
    assert ask(credential, service.url) == []


@pytest.mark.parametrize("text", ["{}", "/no/such/folder{sep}{}"])
def test_folders_of_certificates_count(
    service: TlsService, credential: str, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", text.format(folder, sep=os.pathsep))
    assert ask(credential, service.url) == []


def test_a_folder_counts_in_addition_to_the_file_of_openssl(
    service: TlsService, credential: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", DEFAULT_CA_BUNDLE_PATH)
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert ask(credential, service.url) == []


def test_the_variables_of_requests_count_first(
    service: TlsService, credential: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", DEFAULT_CA_BUNDLE_PATH)
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    with pytest.raises(NotSent, match="TLS certificate not accepted"):
        ask(credential, service.url)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("no PEM", "contains no certificate")])
def test_a_file_without_certificates_is_named_by_its_variable(
    service: TlsService,
    credential: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    name: str,
    content: str | None,
    words: str,
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv(name, str(bundle))
    with pytest.raises(NotSent, match=f"the certificate bundle that {name} names {words}") as caught:
        ask(credential, service.url)
    assert caught.value.permanent
    assert f"Set {name} to a PEM file" in str(caught.value)


def test_a_socks_proxy_without_pysocks_names_the_remedy(credential: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "socks5h://user:pass-word@127.0.0.1:9")
    with pytest.raises(NotSent, match="PySocks is not installed") as caught:
        ask(credential, "https://fusion.example")
    assert caught.value.permanent
    assert "-m pip install pysocks" in str(caught.value)
    assert "pass-word" not in str(caught.value)
