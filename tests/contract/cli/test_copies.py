"""No child of any command gets a copy of the credential in another variable, in any encoding."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
import sys
from pathlib import Path
from typing import Final

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal

SHOW: Final = f"{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
KEPT: Final = {
    "LS_COLORS": "di=01;34:ln=01;36",
    "CONFIG": json.dumps({"auths": {"registry.example": {"auth": base64.b64encode(b"user:password").decode()}}}),
    "ENCODED": base64.b64encode(b"nothing that anybody would hide").decode(),
}
COMMANDS: Final = {
    "masquerade": ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check", "--ci"),
    "emulator": ("emulator",),
}


def copies(credential: str) -> dict[str, str]:
    """Return variables with a credential in common encodings."""
    fields = json.loads(base64.b64decode(credential + "=="))
    folded = "\n".join(credential[at : at + 76] for at in range(0, len(credential), 76))
    twice = base64.encodebytes(credential.encode()).decode()
    docker = {"auths": {"x": {"auth": base64.b64encode(f"user:{twice}".encode()).decode()}}}
    return {
        "COPY": credential,
        "FOLDED": folded,
        "YAML": "fusion:\n  netosecret: |\n" + "".join(f"    {line}\n" for line in folded.split("\n")),
        "TWICE": twice,
        "JSON": json.dumps({"text": folded}),
        "DOCKER": json.dumps(docker),
        "HEX": credential.encode().hex(),
        "GZIPPED": base64.b64encode(gzip.compress(credential.encode())).decode(),
        "ENV_FILE": f"# for the tests\nNETOSECRET={credential}\n",
        "SHARED": fields["sharedsecret"],
        "KEY": f"key is {base64.urlsafe_b64encode(fields['appkey'].encode()).decode()}",
    }


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize("source", ["variable", "file"])
@pytest.mark.threat("reads-the-credential")
def test_no_child_gets_a_copy_of_the_credential(
    bare: Terminal, emulator: Emulator, tmp_path: Path, verb: str, source: str
) -> None:
    emulator.seed(shortname="acme-corp")
    (tmp_path / "credential").write_text(f"{emulator.netosecret}\n")
    given = {
        "variable": {"NETOSECRET": emulator.netosecret},
        "file": {"FUSION_NETOSECRET_FILE": str(tmp_path / "credential")},
    }[source]
    done = bare.run(*COMMANDS[verb], "--", "sh", "-c", SHOW, **given, **copies(emulator.netosecret), **KEPT)
    assert done.returncode == 0, done.stderr
    environ = json.loads(done.stdout)
    assert sorted(set(copies(emulator.netosecret)) & set(environ)) == []
    assert KEPT.items() <= environ.items()
    assert environ["NETOSECRET"] != emulator.netosecret
