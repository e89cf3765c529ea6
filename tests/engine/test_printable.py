"""Previews and updates print no name of the service or of the credential in a way that a terminal obeys."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend

EVIL: Final = "x\x1b[2J\x1b]0;evil\x07\u202e"


def obeyed(text: str) -> set[str]:
    return {char for char in text if not char.isprintable() and char not in "\n\r\t"}


@pytest.fixture(params=FRONTENDS)
def frontend(request: pytest.FixtureRequest) -> Frontend:
    return Frontend(request.param)


@pytest.mark.threat("clears-the-screen")
def test_control_characters_of_names_are_not_printed(frontend: Frontend, tmp_path: Path, emulator: Emulator) -> None:
    emulator.switch(record="extended", types=f"customer=SLG,reseller=MSSP,other={EVIL}")
    emulator.edit_freely(emulator.root.shortname, shortname=f"msp{EVIL}")
    emulator.seed("acme-corp")
    emulator.edit("acme-corp", organization=EVIL)
    credential = emulator.key(f"msp{EVIL}", appname=f"app{EVIL}")
    stack = frontend.stack(tmp_path, emulator, NETOSECRET=credential)

    stack.declare({"lakeside": frontend.customer("lakeside", type="none of these")})
    refused = stack.preview().failed().text
    assert "evil" in refused
    assert obeyed(refused) == set()

    stack.declare({"acme-corp": frontend.customer("acme-corp", adopt=emulator.accounts()[-1].id)})
    shown = [stack.preview().ok().text, stack.up().ok().text]
    emulator.edit("acme-corp", organization=EVIL)
    shown.append(stack.pulumi("preview", "--refresh", "--diff").ok().text)
    assert "evil" in shown[-1]
    emulator.faults.add("* * revoked")
    shown.append(stack.pulumi("refresh", "--yes").failed().text)
    assert [obeyed(text) for text in shown] == [set()] * 4
