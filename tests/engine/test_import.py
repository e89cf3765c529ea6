"""Imports through the real Pulumi CLI: what the service does not show, and what a program may leave to it."""

from __future__ import annotations

import pytest

from fusion_emulator import Emulator
from tests.engine.stack import Stack, mutations
from tests.engine.test_plugin import customer


@pytest.mark.parametrize("more", [[], ["organization", "type"]], ids=["create-only", "write-only"])
def test_an_imported_customer_may_ignore_changes_of_what_the_service_does_not_show(
    plugin_stack: Stack, emulator: Emulator, more: list[str]
) -> None:
    stack = plugin_stack
    before = emulator.seed("acme-corp", retention=45, rollupRetention=90, organization="acme-corp Inc.")
    imported = ("import", "fusion:index:Customer", "acme", "acme-corp", "--yes", "--generate-code=false")
    stack.pulumi(*imported, "--protect=false").ok()
    declared = customer("acme-corp", data_retention=45, rollup_retention=90, deletion_protection=None)
    options = {"options": {"ignore_changes": ["email", "givenName", "familyName", *more]}}
    stack.declare({"acme": {**declared, **options}})
    stack.up("--expect-no-changes").ok()
    stack.require_no_changes()
    assert mutations(emulator.requests) == []
    assert emulator.accounts() == (before,)

    # What is not ignored is still updated, by a complete PUT, or refused where a part of that is not known.
    stack.declare({"acme": {**declared, "dataRetention": 7, **options}})
    ran = stack.up()
    if more:
        assert "organization, type is not known" in " ".join(ran.failed().text.split())
    else:
        ran.ok()
        stack.require_no_changes()
    assert mutations(emulator.requests) == ([] if more else ["PUT /api/v1/customer/acme-corp"])
