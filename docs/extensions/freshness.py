"""Whether the code of sepkit and its plugins is what the pages were last built with; where it is not, they run anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = ("sepkit/**/*.py", "plugins/*/src/**/*.py", "docs/extensions/*.py", "docs/course/*.py")


def digest_of_code() -> str:
    """One digest of all of it."""
    files = sorted(path for pattern in CODE for path in ROOT.glob(pattern))
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()


def has_changed(digest: str, record: Path) -> bool:
    """Whether `digest` is another than the one that `record` keeps, and keep it."""
    previous = record.read_text(encoding="utf-8") if record.is_file() else ""
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(digest, encoding="utf-8")
    return previous != digest
