"""Both frontends need the permissions that the page lists, and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from fusion_emulator import Emulator
from fusion_emulator.roles import ROLES, Role
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM, Stack
from tests.permissions.outcomes import WORKS, recorded
from tests.permissions.scenario import refusal

ACME: Final = {**PROGRAM, "shortname": "acme-corp"}
OTHER: Final = {**PROGRAM, "shortname": "other-corp"}
HARBOR: Final = {**PROGRAM, "shortname": "harbor", "status": "Active"}


def adopted(stack: Stack, **fields: object) -> object:
    account = stack.emulator.account("harbor")
    assert account is not None
    return stack.up("harbor", {**HARBOR, "adopt": account.id, **fields})


OPERATIONS: Final[Mapping[str, Callable[[Stack], object]]] = {
    "preview-same": lambda stack: stack.plan("acme", ACME),
    "preview-new": lambda stack: stack.plan("other", OTHER),
    "refresh": lambda stack: stack.refresh("acme"),
    "up-create": lambda stack: stack.up("other", OTHER),
    "up-update": lambda stack: stack.up("acme", {**ACME, "dataRetention": 180}),
    "up-delete": lambda stack: stack.destroy("acme"),
    "adopt": adopted,
    "adopt-changed": lambda stack: adopted(stack, dataRetention=180),
}
"""What both frontends can do, by the key of the command in tests/permissions."""


def attempt(stack: Stack, operation: Callable[[Stack], object], role: str) -> str:
    """Run the operation with a key of the role, and return the request that was refused, or that it works."""
    stack.emulator.seed("harbor")
    stack.preflight = "auto"
    stack.up("acme", ACME)
    stack.netosecret = stack.emulator.key(role=role)
    stack.restart()
    stack.emulator.requests.clear()
    operation(stack)
    return refusal(stack.emulator.requests) or WORKS


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_frontend_is_refused_where_the_page_shows_it(frontend: Stack, operation: str, role: str) -> None:
    assert attempt(frontend, OPERATIONS[operation], role) == recorded()[operation].outcomes[role]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_role_with_only_the_listed_permissions_is_enough(
    frontend: Stack, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = "".join(need.removeprefix("customers: ")[0] for need in recorded()[operation].needs)
    monkeypatch.setattr("fusion_emulator.auth.ROLES", {**ROLES, "least": Role("least", {"customers": actions})})
    assert attempt(frontend, OPERATIONS[operation], "least") == WORKS


@pytest.mark.parametrize(
    ("operation", "left_out"),
    [(name, need) for name, row in recorded().items() if name in OPERATIONS for need in row.needs],
)
def test_a_role_without_one_of_the_listed_permissions_is_not_enough(
    frontend: Stack, operation: str, left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = left_out.removeprefix("customers: ")[0]
    role = Role("less", {"customers": "fcud".replace(action, "")})
    monkeypatch.setattr("fusion_emulator.auth.ROLES", {**ROLES, "less": role})
    assert attempt(frontend, OPERATIONS[operation], "less") != WORKS


@pytest.mark.parametrize("role", ROLES)
def test_an_import_is_refused_where_the_page_shows_it(stack: PluginStack, role: str) -> None:
    assert attempt(stack, lambda _: stack.import_("harbor", "harbor"), role) == recorded()["import"].outcomes[role]


@pytest.mark.parametrize(("actions", "works"), [("f", True), ("cud", False)])
def test_an_import_needs_to_read_customers(
    stack: PluginStack, actions: str, works: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recorded()["import"].needs == ("customers: fetch",)
    monkeypatch.setattr("fusion_emulator.auth.ROLES", {**ROLES, "tried": Role("tried", {"customers": actions})})
    assert (attempt(stack, lambda _: stack.import_("harbor", "harbor"), "tried") == WORKS) is works


def test_the_scenario_is_an_emulator_with_every_role(emulator: Emulator) -> None:
    assert {*recorded()["refresh"].outcomes} == {*ROLES}
    assert all(emulator.key(role=role) for role in ROLES)
