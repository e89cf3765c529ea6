"""Write the generated parts of the documents: ``python -m tests.docs``."""

from __future__ import annotations

from tests.docs.blocks import DOCUMENTS
from tests.docs.generated import updated


def main() -> None:
    """Write each document whose generated parts have changed."""
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        if (current := updated(text)) != text:
            path.write_text(current, encoding="utf-8")


if __name__ == "__main__":
    main()
