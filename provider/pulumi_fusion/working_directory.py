"""Keep Python from importing modules of the working directory: a user's project may have a ``queue.py``.

``python -m`` and ``python -c`` search every module there first. Python 3.11 has an option against it (``-P``), but 3.10
hasn't, and Pulumi starts the processes. So ``pulumi_fusion.pth``, which Python reads from site-packages at its start,
calls :func:`leave_at_start`. This module imports only modules that every Python has loaded already:
https://docs.python.org/3/library/site.html
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec, PathFinder

__all__ = ["leave", "leave_at_start"]

DEPENDENCIES = frozenset(
    {
        "_yaml",
        "dill",
        "email_validator",
        "google",
        "grpc",
        "httptools",
        "jwt",
        "psutil",
        "pulumi",
        "pydantic",
        "requests",
        "urllib3",
        "yaml",
    }
)
"""The packages that this one imports, by their modules."""


def leave() -> bool:
    """Remove the working directory from the module search path, unless this package is imported from there.

    Returns whether it was on the path.
    """
    before = len(sys.path)
    sys.path[:] = _elsewhere()
    return len(sys.path) < before


def leave_at_start() -> None:
    """Call :func:`leave` in a process of the plugin before anything is imported, however it was started.

    In a process of dynamic providers, a project may have other providers. So its files stay importable there, but they
    don't replace a module of Python or of a dependency of this package. In any other process, change nothing.
    """
    arguments = sys.orig_argv
    module = arguments[arguments.index("-m") + 1] if "-m" in arguments[:-1] else ""
    script = any(os.path.basename(each) == "pulumi-resource-fusion" for each in arguments[:3])  # noqa: PTH119
    if script or module == "pulumi_fusion" or (module == "pulumi.run.plugin" and "pulumi-fusion" in arguments):
        leave()
        sys.meta_path.insert(0, _Leaving)
    elif module == "pulumi.dynamic":
        from importlib.machinery import PathFinder  # now, so that the finder below doesn't find it

        sys.meta_path.insert(0, _Protecting(PathFinder))


class _Leaving:
    """Call :func:`leave` at the next import: Python adds the working directory after it has read site-packages."""

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> None:
        """Find nothing, so that the next finders do."""
        if leave():
            sys.meta_path.remove(cls)


class _Protecting:
    """Find the modules of Python and of the dependencies where they are installed."""

    def __init__(self, finder: type[PathFinder]) -> None:
        self._finder = finder

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find such a module; return None for any other, so that the next finders find it."""
        if path is None and (name in sys.stdlib_module_names or name in DEPENDENCIES):
            return self._finder.find_spec(name, _elsewhere())
        return None


def _elsewhere() -> list[str]:
    """Return the module search path without the working directory."""
    own = os.path.realpath(os.path.join(__file__, "..", ".."))  # noqa: PTH118  # pathlib is not loaded yet
    try:
        here = os.path.realpath(os.getcwd())  # noqa: PTH109
    except OSError:  # it was removed, so there is nothing in it
        here = ""
    return [each for each in sys.path if own == here or (each and os.path.realpath(each) != here)]
