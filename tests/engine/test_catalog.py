"""A program that reads a catalog declares the same resources as one that is written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import a_customer, mutations

DYNAMIC = """
from pulumi_fusion import catalog
catalog.read("customers.yaml").declare()
"""

PLUGIN = """
import pulumi
from pulumi_fusion import catalog

# The signature of the class in a generated SDK.
class Customer(pulumi.CustomResource):
    def __init__(self, name, *, opts=None, data_retention=None, rollup_retention=None, given_name=None,
                 family_name=None, deletion_protection=None, **others):
        others |= {
            "dataRetention": data_retention, "rollupRetention": rollup_retention, "givenName": given_name,
            "familyName": family_name, "deletionProtection": deletion_protection,
        }
        super().__init__("fusion:index:Customer", name, {"customerId": None, **others}, opts)

catalog.read("customers.yaml").declare(Customer)
"""


@pytest.mark.parametrize("frontend", FRONTENDS)
def test_a_catalog_replaces_a_program_without_a_change(frontend: str, tmp_path: Path, emulator: Emulator) -> None:
    shortnames = ["acme-corp", "lakeside"]
    stack = Frontend(frontend).stack(tmp_path, emulator)
    stack.declare({each: Frontend(frontend).customer(each) for each in shortnames})
    stack.up().ok()
    before = len(emulator.requests)

    customers = {each: a_customer(each) for each in shortnames}
    for each in shortnames:
        del customers[each]["shortname"]
    (tmp_path / "customers.yaml").write_text(yaml.safe_dump({"version": 1, "customers": customers}))
    (tmp_path / "__main__.py").write_text(PLUGIN if frontend == "plugin" else DYNAMIC)
    stack.pulumi("preview", "--expect-no-changes").ok()
    assert mutations(emulator.requests[before:]) == []


def test_a_broken_catalog_ends_the_preview_with_its_problems(tmp_path: Path, emulator: Emulator) -> None:
    stack = Frontend("dynamic").stack(tmp_path, emulator)
    (tmp_path / "__main__.py").write_text(DYNAMIC)
    (tmp_path / "customers.yaml").write_text("version: 1\ncustomers:\n  acme-corp: {dataRetention: 7}\n")
    ran = stack.preview().failed()
    assert "customers.yaml:3:15: acme-corp: dataRetention is spelled data_retention here" in ran.text
    assert len(emulator.requests) == 0
