"""What the environment of a child keeps."""

from __future__ import annotations

import base64

import pytest

from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions.scrubbing import past_the_proxy, scrubbed

KEPT = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "PULUMI_HOME": "/home/me/.pulumi",
    "PULUMI_BACKEND_URL": "file:///tmp",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "NETOSECRETS": "a word that only begins alike",
}


def test_settings_and_secrets_go_and_all_else_stays() -> None:
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
    assert scrubbed({**KEPT, **gone}) == KEPT


def test_a_copy_of_the_secret_under_another_name_goes_as_well() -> None:
    secret = Secret("a-secret-that-is-planted-here")
    copies = {
        "TF_VAR_netosecret": secret.reveal(),
        "NOTE": f"before {secret.reveal()} after",
        "ENCODED": base64.b64encode(secret.reveal().encode()).decode(),
    }
    assert scrubbed({**KEPT, **copies}) == KEPT


def test_what_the_child_is_to_have_stays_but_never_the_credential() -> None:
    environ = {"PULUMI_CONFIG_PASSPHRASE": "x", "PULUMI_ACCESS_TOKEN": "y", "NETOSECRET": "z", "FUSION_ACCOUNT": "a"}
    kept = scrubbed(environ, keep=["PULUMI_CONFIG_PASSPHRASE", "NETOSECRET", "FUSION_ACCOUNT"])
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
def test_loopback_is_asked_past_any_proxy(environ: dict[str, str], hosts: str) -> None:
    given = past_the_proxy(environ)
    assert {name: given[name] for name in ("NO_PROXY", "no_proxy")} == {"NO_PROXY": hosts, "no_proxy": hosts}


def test_grpc_is_told_where_it_would_not_read_the_others() -> None:
    assert "no_grpc_proxy" not in past_the_proxy({"NO_PROXY": "example.com"})
    assert past_the_proxy({"NO_PROXY": "*"})["no_grpc_proxy"] == LOOPBACK
    assert past_the_proxy({"no_grpc_proxy": "engine.example"})["no_grpc_proxy"] == f"engine.example,{LOOPBACK}"
