"""The commands of the page about permissions, each started from the scenario."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.engine.stack import Ran
from tests.permissions.scenario import ACME, NEW, Scenario, harbor

__all__ = ["COMMANDS", "PULUMI", "PULUMI_FUSION", "Command"]

_SESSION: Final = ("masquerade", "north-mssp", "--ci", "--reason", "INC-1234 ingest check")

_ADD_USER: Final = """
import sys
from pulumi_fusion import FusionClient
from pulumi_fusion.errors import FusionError
body = {"email": "ada@acme.example.com", "given_name": "Ada", "family_name": "Admin", "roles": ["readonly"]}
with FusionClient() as fusion:
    try:
        fusion.request("POST", "/api/v1/user", body)
    except FusionError as failure:
        sys.exit(str(failure))
"""


@dataclass(frozen=True)
class Command:
    """A command, how the page names it, and how it is run."""

    key: str
    title: str
    run: Callable[[Scenario], Ran]


def _preview_new(scenario: Scenario) -> Ran:
    scenario.stack.declare({"acme": {**ACME, "data_retention": 180}, "new": NEW})
    return scenario.stack.pulumi("preview")


def _create(scenario: Scenario) -> Ran:
    scenario.stack.declare({"acme": ACME, "new": NEW})
    return scenario.stack.up()


def _update(scenario: Scenario) -> Ran:
    scenario.stack.declare({"acme": {**ACME, "data_retention": 180}})
    return scenario.stack.up()


def _delete(scenario: Scenario) -> Ran:
    scenario.stack.declare({})
    return scenario.stack.up()


def _adopt(scenario: Scenario) -> Ran:
    scenario.stack.declare({"acme": ACME, "harbor": harbor(scenario.emulator)})
    return scenario.stack.up()


def _adopt_changed(scenario: Scenario) -> Ran:
    scenario.stack.declare({"acme": ACME, "harbor": harbor(scenario.emulator, data_retention=180)})
    return scenario.stack.up()


def _import(scenario: Scenario) -> Ran:
    # No program declares it, and no code is printed: only the read of the customer.
    return scenario.stack.pulumi(
        "import", "fusion:index:Customer", "harbor", "harbor", "--yes", "--generate-code=false", "--skip-preview"
    )


def _compare(scenario: Scenario) -> Ran:
    # Only harbor is in neither: a difference, which has an exit code of its own, isn't a failure.
    (scenario.stack.folder / "customers.yaml").write_text("version: 1\ncustomers: {}\n")
    ran = scenario.cli("catalog", "compare", "customers.yaml")
    return Ran(0 if ran.code == 7 else ran.code, ran.stdout, ran.stderr)


PULUMI: Final = (
    Command("preview-same", "`pulumi preview`, nothing changed", lambda each: each.stack.pulumi("preview")),
    Command("preview-new", "`pulumi preview`, new or changed customers", _preview_new),
    Command("refresh", "`pulumi refresh`", lambda each: each.stack.refresh()),
    Command("up-create", "`pulumi up` that creates", _create),
    Command("up-update", "`pulumi up` that updates", _update),
    Command("up-delete", "`pulumi up` that deletes, `pulumi destroy`", _delete),
    Command("adopt", "`adopt`, the same values", _adopt),
    Command("adopt-changed", "`adopt`, other values", _adopt_changed),
    Command("import", "`pulumi import` (plugin)", _import),
)

PULUMI_FUSION: Final = (
    Command("customers", "`pulumi-fusion customers`", lambda each: each.cli("customers")),
    Command("tree", "`pulumi-fusion customers --tree`", lambda each: each.cli("customers", "--tree")),
    Command("export", "`pulumi-fusion catalog export`", lambda each: each.cli("catalog", "export")),
    Command("compare", "`pulumi-fusion catalog compare`", _compare),
    Command("types", "`pulumi-fusion types`", lambda each: each.cli("types")),
    Command("doctor", "`pulumi-fusion doctor`", lambda each: each.cli("doctor")),
    Command(
        "account", "a command with `fusion:account`", lambda each: each.cli("customers", "--account", "north-mssp")
    ),
    Command(
        "masquerade",
        "`masquerade`, reading customers",
        lambda each: each.cli(*_SESSION, "--", "pulumi-fusion", "customers"),
    ),
    Command(
        "masquerade-write",
        "`masquerade --write`, adding a user",
        lambda each: each.cli(*_SESSION, "--write", "--", sys.executable, "-c", _ADD_USER),
    ),
)

COMMANDS: Final = (*PULUMI, *PULUMI_FUSION)
