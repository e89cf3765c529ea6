"""Pulumi's protocol as its SDK publishes it: the messages and stubs, from the one place that they are imported from.

Importing them runs the whole SDK, some 70 ms of the 300 ms that the plugin takes to start. They could be loaded by the
path of their files alone, but where these lie is nothing that the SDK promises.
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
def _stubs_alone() -> Iterator[None]:
    """Import stubs without what the SDK imports for programs, which is half of what the process would import.

    The stubs need nothing of the packages that they lie in but to be found there. So these are stood in for while the
    stubs are imported, and whoever imports the SDK later gets it whole.
    """
    sdk = find_spec("pulumi")  # found, not run
    if "pulumi" in sys.modules or sdk is None or sdk.submodule_search_locations is None:
        yield
        return
    roots = list(sdk.submodule_search_locations)
    places = {"pulumi": roots, "pulumi.runtime": [str(Path(root, "runtime")) for root in roots]}
    for name, where in places.items():
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = where
    try:
        yield
    finally:
        for name in places:
            del sys.modules[name]


try:
    with _stubs_alone():
        from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
except ImportError:  # of an SDK whose stubs need more of it
    from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
