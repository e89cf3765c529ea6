"""The roles that every account has, and what each permits.

Source: https://docs.netography.com/docs/roles-rbac
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["ROLES", "Action", "Role"]

Action: TypeAlias = Literal["fetch", "create", "update", "delete"]

# Inference: the resource strings; the vendor names the categories of the form only.
RESOURCES: Final = ("account", "customers", "users", "roles", "api-keys", "security", "flow")


@dataclass(frozen=True)
class Role:
    """A named set of rights: the initials of the permitted actions by resource."""

    name: str
    rights: Mapping[str, str]
    can_masquerade: bool = True

    def may(self, resource: str, action: Action) -> bool:
        """Return whether the role permits the action on the resource."""
        return action[0] in self.rights.get(resource, "")


_ALL: Final = dict.fromkeys(RESOURCES, "fcud")
_READ: Final = dict.fromkeys(RESOURCES, "f")

ROLES: Final[Mapping[str, Role]] = {
    role.name: role
    for role in (
        Role("admin", _ALL),
        Role("operational_manager", {**_ALL, "account": "f", "customers": "f", "security": "f"}),
        Role("report_user", _READ),
        Role("readonly", _READ),
        # It only sends flow.
        Role("neto_flow", {}, can_masquerade=False),
    )
}
"""The system roles by name. Custom roles are not emulated."""
