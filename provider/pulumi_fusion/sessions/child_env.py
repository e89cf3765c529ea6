"""The environment of a child process, without secrets and without a proxy for loopback. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from pulumi_fusion.secret_search import SecretSearch

__all__ = ["LOOPBACK", "bypass_proxy_for_loopback", "without_secrets"]

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Loopback as lists of hosts that bypass the proxy spell it."""

# Variables of Pulumi that contain a secret or its path, and PULUMI_CONFIG, the decrypted configuration of a program.
# https://www.pulumi.com/docs/iac/cli/environment-variables/
_PULUMI_SECRET: Final = re.compile(r"PULUMI_.*(TOKEN|PASSPHRASE|SECRET|PASSWORD|CREDENTIAL|KEY|CONFIG)", re.IGNORECASE)


def without_secrets(environ: Mapping[str, str], *, keep: Collection[str] = ()) -> dict[str, str]:
    """Return the environment without Fusion settings, Pulumi's secrets, and variables that contain a known secret.

    A secret is also found where it is encoded, see :class:`pulumi_fusion.secret_search.SecretSearch`.

    Args:
        environ: The environment to copy.
        keep: Names of Pulumi's variables that the child needs although they may contain a secret.
    """
    search = SecretSearch()
    return {
        name: value
        for name, value in environ.items()
        if name != "NETOSECRET"
        and not name.startswith("FUSION_")
        and (name in keep or not _PULUMI_SECRET.match(name))
        and not search.finds(value)
    }


def bypass_proxy_for_loopback(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables with which a child connects to loopback directly.

    Some tools read ``NO_PROXY``, some ``no_proxy``, some the first that is set, so both get the hosts of both. ``*``
    means every host only if it is the whole value, so nothing is added to it. grpc, which every Pulumi program uses,
    doesn't support ``*`` and prefers ``no_grpc_proxy``
    (https://github.com/grpc/grpc/blob/master/doc/environment_variables.md).
    """
    spellings = [environ.get(name, "").strip() for name in ("no_proxy", "NO_PROXY")]
    grpc_hosts = environ.get("no_grpc_proxy", "").strip()
    hosts = "*" if "*" in spellings else _with_loopback(*spellings)
    variables = {"NO_PROXY": hosts, "no_proxy": hosts}
    if hosts == "*" or grpc_hosts:
        variables["no_grpc_proxy"] = _with_loopback(grpc_hosts)
    return variables


def _with_loopback(*lists: str) -> str:
    """Join comma-separated lists of hosts and loopback, each host once."""
    hosts = [host.strip() for each in lists for host in each.split(",")]
    return ",".join(dict.fromkeys([*filter(None, hosts), *LOOPBACK]))
