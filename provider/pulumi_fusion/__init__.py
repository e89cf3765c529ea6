"""Customers of Netography Fusion under infrastructure as code.

``Customer`` is the resource for Python programs; ``masquerade`` opens a temporary session inside a customer;
``FusionClient`` speaks to the service on its own; every error is a ``FusionError``. Names are imported when they are
first used: a program that declares customers needs no HTTP stack, and a script that lists them needs no Pulumi.
"""

from __future__ import annotations

# Nothing is imported here: the plugin has to take the working directory off the search path before anything is.
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
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as missing:
        from pulumi_fusion.posix import needs_posix

        if sentence := needs_posix(f"{__name__}.{name}", missing):
            raise ImportError(sentence) from None
        raise
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
