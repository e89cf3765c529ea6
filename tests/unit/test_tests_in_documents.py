"""The documents name tests as evidence: a link ``[test_of_something](path/of/test_file.py)``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.blocks import DOCUMENTS, ROOT

_LINK: Final = re.compile(r"\[(test_\w+)\]\(([^)\s]+\.py)\)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_test_that_a_document_names_exists(document: Path) -> None:
    missing = [
        f"{name} in {file}"
        for name, file in _LINK.findall(document.read_text(encoding="utf-8"))
        if f"def {name}(" not in (document.parent / file).read_text(encoding="utf-8")
    ]

    assert missing == []
