"""What the environment of a child keeps. Pure: an environment goes in, another comes out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from pulumi_fusion.redaction import redact

__all__ = ["past_the_proxy", "scrubbed"]

# Pulumi's own variables that hold a secret or lead to one, and PULUMI_CONFIG, the decrypted configuration of a program.
# https://www.pulumi.com/docs/iac/cli/environment-variables/
_PULUMI_SECRET: Final = re.compile(r"PULUMI_.*(TOKEN|PASSPHRASE|SECRET|PASSWORD|CREDENTIAL|KEY|CONFIG)", re.IGNORECASE)


def scrubbed(environ: Mapping[str, str], *, keep: Collection[str] = ()) -> dict[str, str]:
    """The environment without our settings, without Pulumi's secrets, and without whatever holds a known secret.

    ``keep`` names variables of Pulumi that the child is to have all the same.
    """
    return {
        name: value
        for name, value in environ.items()
        if name != "NETOSECRET"
        and not name.startswith("FUSION_")
        and (name in keep or not _PULUMI_SECRET.match(name))
        and redact(value) == value
    }


def past_the_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep a tool from asking a proxy for the endpoint, which only this machine can reach.

    Tools read one spelling or the other, and some only the first that is there, so both say the same.
    """
    known = environ.get("no_proxy") or environ.get("NO_PROXY")
    hosts = f"{known},127.0.0.1" if known else "127.0.0.1"
    return {"NO_PROXY": hosts, "no_proxy": hosts}
