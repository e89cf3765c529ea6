"""A run that works in another account than the one of its stack's customers fails before anything is created."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import mutations


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_lost_account_setting_fails_the_run(name: str, tmp_path: Path, emulator: Emulator) -> None:
    frontend = Frontend(name)
    emulator.seed("harbor-msp", type="reseller")
    emulator.seed("northern-msp", type="reseller")
    root = emulator.root.shortname
    stack = frontend.stack(tmp_path, emulator)
    stack.pulumi("config", "set", "fusion:account", "harbor-msp").ok()
    stack.declare({"acme": frontend.customer("acme-corp")})
    stack.up().ok()
    assert emulator.record("acme-corp")["reseller"]["parent"] == "harbor-msp"

    stack.pulumi("config", "rm", "fusion:account").ok()
    emulator.requests.clear()
    both = {"fresh": frontend.customer("fresh-corp"), "acme": frontend.customer("acme-corp")}
    for environ, account, source in (
        ({}, root, "NETOSECRET"),
        ({"FUSION_ACCOUNT": "northern-msp"}, "northern-msp", "FUSION_ACCOUNT"),
        ({"FUSION_PREFLIGHT": "off"}, root, "NETOSECRET"),
    ):
        stack.environ |= environ
        stack.declare({"acme": frontend.customer("acme-corp")})
        refusals = [stack.preview()]
        stack.declare(both)
        refusals += [stack.preview(), stack.up()]
        for ran in refusals:
            refused = " ".join(ran.failed().text.split())
            assert f"a customer of 'harbor-msp', but this run works in the account '{account}'" in refused
            assert source in refused
            assert "fusion:account" in refused
        for key in environ:
            del stack.environ[key]
    new = stack.state()["acme"]["urn"].replace("::acme", "::fresh")
    assert "a customer of 'harbor-msp'" in " ".join(stack.up("--target", new).failed().text.split())
    assert mutations(emulator.requests) == []

    stack.pulumi("config", "set", "fusion:account", "harbor-msp").ok()
    stack.up().ok()
    assert emulator.record("fresh-corp")["reseller"]["parent"] == "harbor-msp"
    stack.require_no_changes()
