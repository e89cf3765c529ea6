"""The environment of a child process."""

from __future__ import annotations

import base64

import pytest

from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions.child_env import bypass_proxy_for_loopback, without_secrets

KEPT = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "PULUMI_HOME": "/home/me/.pulumi",
    "PULUMI_BACKEND_URL": "file:///tmp",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "NETOSECRETS": "a word that only begins alike",
}


def test_settings_and_secrets_are_removed_and_other_variables_kept() -> None:
    gone = dict.fromkeys(
        [
            "NETOSECRET",
            "FUSION_API_URL",
            "FUSION_ACCOUNT",
            "FUSION_NETOSECRET_FILE",
            "FUSION_MASQUERADE",
            "PULUMI_ACCESS_TOKEN",
            "PULUMI_CONFIG",
            "PULUMI_CONFIG_PASSPHRASE",
            "PULUMI_CONFIG_PASSPHRASE_FILE",
            "PULUMI_CONFIG_SECRET_KEYS",
        ],
        "x",
    )
    assert without_secrets({**KEPT, **gone}) == KEPT


def test_a_copy_of_the_secret_in_another_variable_is_removed() -> None:
    secret = Secret("a-secret-that-is-planted-here")
    copies = {
        "TF_VAR_netosecret": secret.reveal(),
        "NOTE": f"before {secret.reveal()} after",
        "ENCODED": base64.b64encode(secret.reveal().encode()).decode(),
    }
    assert without_secrets({**KEPT, **copies}) == KEPT


def test_named_variables_are_kept_but_never_the_credential() -> None:
    environ = {"PULUMI_CONFIG_PASSPHRASE": "x", "PULUMI_ACCESS_TOKEN": "y", "NETOSECRET": "z", "FUSION_ACCOUNT": "a"}
    kept = without_secrets(environ, keep=["PULUMI_CONFIG_PASSPHRASE", "NETOSECRET", "FUSION_ACCOUNT"])
    assert kept == {"PULUMI_CONFIG_PASSPHRASE": "x"}


LOOPBACK = "127.0.0.1,localhost,::1"


@pytest.mark.parametrize(
    ("environ", "hosts"),
    [
        ({}, LOOPBACK),
        ({"NO_PROXY": " "}, LOOPBACK),
        ({"NO_PROXY": "example.com"}, f"example.com,{LOOPBACK}"),
        (
            {"no_proxy": "example.com", "NO_PROXY": "other.example, example.com"},
            f"example.com,other.example,{LOOPBACK}",
        ),
        ({"NO_PROXY": "127.0.0.1,.corp"}, "127.0.0.1,.corp,localhost,::1"),
        ({"NO_PROXY": "*"}, "*"),
        ({"no_proxy": " * ", "NO_PROXY": "example.com"}, "*"),
    ],
)
def test_a_child_connects_to_loopback_without_a_proxy(environ: dict[str, str], hosts: str) -> None:
    given = bypass_proxy_for_loopback(environ)
    assert {name: given[name] for name in ("NO_PROXY", "no_proxy")} == {"NO_PROXY": hosts, "no_proxy": hosts}


def test_grpc_gets_its_own_variable_where_it_ignores_the_others() -> None:
    assert "no_grpc_proxy" not in bypass_proxy_for_loopback({"NO_PROXY": "example.com"})
    assert bypass_proxy_for_loopback({"NO_PROXY": "*"})["no_grpc_proxy"] == LOOPBACK
    assert (
        bypass_proxy_for_loopback({"no_grpc_proxy": "engine.example"})["no_grpc_proxy"] == f"engine.example,{LOOPBACK}"
    )
