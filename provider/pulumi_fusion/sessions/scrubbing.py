"""What the environment of a child keeps. Pure: an environment goes in, another comes out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from pulumi_fusion.unwrapping import SecretSearch

__all__ = ["LOOPBACK", "past_the_proxy", "scrubbed"]

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""What this machine is called in lists of hosts that no proxy is asked for."""

# Pulumi's own variables that hold a secret or lead to one, and PULUMI_CONFIG, the decrypted configuration of a program.
# https://www.pulumi.com/docs/iac/cli/environment-variables/
_PULUMI_SECRET: Final = re.compile(r"PULUMI_.*(TOKEN|PASSPHRASE|SECRET|PASSWORD|CREDENTIAL|KEY|CONFIG)", re.IGNORECASE)


def scrubbed(environ: Mapping[str, str], *, keep: Collection[str] = ()) -> dict[str, str]:
    """Return the environment without our settings, Pulumi's secrets, and variables that hold a known secret in any
    wrapping.

    ``keep`` names variables of Pulumi that the child is to have all the same.
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


def past_the_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep a child from asking a proxy for loopback, which only this machine can reach.

    Some tools read ``NO_PROXY``, some ``no_proxy``, some the first that is set, so both get the hosts of both. ``*``,
    which means every host only where it is alone, stays alone. grpc, and with it every Pulumi program, knows no ``*``
    and prefers ``no_grpc_proxy`` (https://github.com/grpc/grpc/blob/master/doc/environment_variables.md).
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
