"""Convert the version of this package, which follows PEP 440, to semver, which Pulumi reads."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Final

__all__ = ["plugin_version", "semver"]

# The normal form of PEP 440, which build backends write into the metadata of a package:
# https://packaging.python.org/en/latest/specifications/version-specifiers/#version-scheme
_PEP_440: Final = re.compile(
    r"(?P<release>\d+(\.\d+){0,2})((?P<stage>a|b|rc)(?P<number>\d+))?"
    r"(\.post(?P<post>\d+))?(\.dev(?P<dev>\d+))?(\+(?P<local>[a-z0-9]+(\.[a-z0-9]+)*))?"
)
_STAGES: Final = {"a": "alpha", "b": "beta", "rc": "rc"}


def plugin_version() -> str:
    """Return the version of this package as semver, for every message to the engine."""
    return semver(version("pulumi-fusion"))


def semver(pep_440: str) -> str:
    """Convert a normalised PEP 440 version: ``0.2.0rc1`` becomes ``0.2.0-rc.1``, ``0.2.0.dev3+g1`` ``0.2.0-dev.3+g1``.

    The generated Python SDKs use the same names when they convert their own version back (``alpha``, ``beta``, ``rc``,
    ``dev``), so that an SDK requests the version that is installed. Raises ValueError for a version that semver cannot
    express: one with an epoch, or with more than three numbers.
    """
    found = _PEP_440.fullmatch(pep_440)
    if not found:
        raise ValueError(f"{pep_440!r} has no equivalent in semver")
    numbers = [str(int(each)) for each in found["release"].split(".")]
    before = [_STAGES[found["stage"]], str(int(found["number"]))] if found["stage"] else []
    before += ["dev", str(int(found["dev"]))] if found["dev"] else []
    # Semver has no post-releases. The build metadata, which it ignores in comparisons, keeps the name.
    after = ["post", found["post"]] if found["post"] else []
    after += [found["local"]] if found["local"] else []
    release = ".".join([*numbers, "0", "0"][:3])
    return release + ("-" + ".".join(before) if before else "") + ("+" + ".".join(after) if after else "")
