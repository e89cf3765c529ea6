"""Manage the customers of Netography Fusion with Pulumi.

``Customer`` is the resource for Python programs. ``masquerade`` opens a temporary session inside a customer.
``FusionClient`` sends single requests. Every error is a ``FusionError``. Each name is imported at its first use, so
a program that declares customers imports no HTTP library, and a script that lists them does not import Pulumi.
"""

from __future__ import annotations

# Nothing is imported here: the plugin must first remove the working directory from the module search path.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pulumi_fusion.api.client import FusionClient
    from pulumi_fusion.customer.model import Account, AccountType, User
    from pulumi_fusion.customer.names import CustomerStatus, CustomerType
    from pulumi_fusion.dynamic import Customer
    from pulumi_fusion.errors import FusionError
    from pulumi_fusion.redaction import Secret
    from pulumi_fusion.sessions.session import Session, masquerade
    from pulumi_fusion.settings import Settings

__all__ = [
    "Account",
    "AccountType",
    "Customer",
    "CustomerStatus",
    "CustomerType",
    "FusionClient",
    "FusionError",
    "Secret",
    "Session",
    "Settings",
    "User",
    "masquerade",
]

_MODULES = {
    "Account": "customer.model",
    "AccountType": "customer.model",
    "Customer": "dynamic",
    "CustomerStatus": "customer.names",
    "CustomerType": "customer.names",
    "FusionClient": "api.client",
    "FusionError": "errors",
    "Secret": "redaction",
    "Session": "sessions.session",
    "Settings": "settings",
    "User": "customer.model",
    "masquerade": "sessions.session",
}


def __getattr__(name: str) -> Any:
    """Import and return a name of ``__all__``."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as missing:
        from pulumi_fusion.posix import needs_posix

        if reason := needs_posix(f"{__name__}.{name}", missing):
            raise ImportError(reason) from None
        raise
    return getattr(module, name)


def __dir__() -> list[str]:
    """Return the names of the module, with those that are not imported yet."""
    return sorted([*globals(), *__all__])
