"""Whether the code of sepkit and its plugins is what the gallery was last built with; where it is not, it all runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
CODE = ("sepkit/**/*.py", "plugins/*/src/**/*.py", "docs/extensions/*.py", "docs/course/*.py")
RECORD = ROOT / "docs" / "auto" / "code-digest"


def digest_of_code() -> str:
    """One digest of all of it."""
    files = sorted(path for pattern in CODE for path in ROOT.glob(pattern))
    return hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()


def has_changed(digest: str) -> bool:
    """Whether the last build that came to its end was of other code."""
    return not RECORD.is_file() or RECORD.read_text(encoding="utf-8") != digest


def _keep(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(app.config.code_digest, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    # Part of the configuration, so that pages with code are read anew when the code that they run has changed.
    app.add_config_value("code_digest", "", "env", types=frozenset({str}))
    app.connect("build-finished", _keep)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
