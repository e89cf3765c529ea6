"""Customers made by hand become a catalog, which a program then manages. Only reads are sent."""

from __future__ import annotations

import json
from pathlib import Path

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal
from tests.engine.stack import Stack, mutations

PROGRAM = """
import pulumi
from pulumi_fusion import catalog
from pulumi_fusion.customer.names import state_key

class Customer(pulumi.CustomResource):
    def __init__(self, name, opts=None, **fields):
        inputs = {state_key(key): value for key, value in fields.items()}
        super().__init__("fusion:index:Customer", name, {"customerId": None, **inputs}, opts)

catalog.read("customers.yaml").declare(Customer)
"""

COUNT = 300


def test_an_account_made_by_hand_is_exported_imported_and_unchanged(tmp_path: Path, emulator: Emulator) -> None:
    for number in range(COUNT):
        emulator.seed(
            f"customer-{number:03}",
            organization=f"NO: {number} # 'x'" if number % 50 == 0 else f"Customer {number}",
            trial=number % 10 == 0,
            retention=7 if number % 7 == 0 else 90,
            rollupRetention=365,
        )
    before = emulator.accounts()
    stack = Stack(tmp_path, {"NETOSECRET": emulator.netosecret}, program=PROGRAM, kind="fusion:index:Customer")
    terminal = Terminal(tmp_path, stack.environ)
    exported = terminal.run("catalog", "export", "-o", "customers.yaml", "--import-file", "import.json")
    assert exported.returncode == 0, exported.stderr

    file = tmp_path / "customers.yaml"
    text = file.read_text()
    for account in before:
        organization = json.dumps(account.organization)
        text = text.replace('    organization: ""  # fill in', f"    organization: {organization}", 1)
    for name, value in {
        "type": "SLG",
        "email": "a@b.example.com",
        "given_name": "Ada",
        "family_name": "Lovelace",
    }.items():
        text = text.replace(f'  {name}: ""  # fill in', f"  {name}: {value}")
    file.write_text(
        text.replace('  contractual_flows_per_second: ""  # fill in; remove only if the contract has none\n', "")
    )
    assert terminal.run("catalog", "validate", "customers.yaml").stdout == ""

    imports = ("import", "--file", "import.json", "--generate-code=false", "--protect=false", "--yes")
    stack.pulumi(*imports).ok()
    stack.pulumi("preview", "--expect-no-changes").ok()
    # What is in the state is not imported again.
    assert f"{COUNT + 1} unchanged" in stack.pulumi(*imports, "--skip-preview").ok().stdout

    assert mutations(emulator.requests) == []
    assert emulator.accounts() == before


def test_the_dynamic_provider_adopts_an_exported_account(tmp_path: Path, emulator: Emulator) -> None:
    emulator.switch(record="extended")
    emulator.seed("acme-corp", fps=5000)
    emulator.seed("north-mssp", type="reseller")
    emulator.seed("00123")
    emulator.seed("trial-co", parent="north-mssp")
    before = emulator.accounts()
    program = 'from pulumi_fusion import catalog\ncatalog.read("customers.yaml").declare()\n'
    stack = Stack(tmp_path, {"NETOSECRET": emulator.netosecret}, program=program)
    exported = Terminal(tmp_path, stack.environ).run("catalog", "export", "-o", "customers.yaml", "--adopt")
    assert exported.returncode == 0, exported.stderr
    file = tmp_path / "customers.yaml"
    file.write_text(file.read_text().replace('email: ""', "email: a@b.example.com").replace('_name: ""', "_name: Ada"))

    created = stack.up().ok().stdout

    assert "4 created" in created  # the stack, and a resource for each direct customer
    assert mutations(emulator.requests) == []
    assert emulator.accounts() == before
