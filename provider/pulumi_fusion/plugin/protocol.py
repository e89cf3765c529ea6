"""The messages and stubs of Pulumi's protocol, imported without the rest of the SDK.

Importing the whole SDK takes about 70 ms of the 300 ms in which the plugin starts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

__all__ = ["plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]


@contextmanager
def _only_stubs() -> Iterator[None]:
    """Replace the packages that contain the stubs by empty ones while the stubs are imported.

    The stubs import nothing from these packages, whose own code imports what only programs need. Later imports of the
    SDK get the real packages.
    """
    sdk = find_spec("pulumi")  # without importing it
    if "pulumi" in sys.modules or sdk is None or sdk.submodule_search_locations is None:
        yield
        return
    roots = list(sdk.submodule_search_locations)
    paths = {"pulumi": roots, "pulumi.runtime": [str(Path(root, "runtime")) for root in roots]}
    for name, path in paths.items():
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = path
    try:
        yield
    finally:
        for name in paths:
            del sys.modules[name]


try:
    with _only_stubs():
        from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
except ImportError:  # the stubs of this SDK import other parts of it
    from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
