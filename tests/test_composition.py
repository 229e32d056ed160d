"""The page on what goes with what tells of all that is published, hosted where it really is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sepkit import Registry
from sepkit.plugin.known import KNOWN

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    bool(set(KNOWN["method"]) - set(Registry.discover().separators)), reason="not all plugins are installed"
)


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "tools" / "composition.py"), "--check"]
    return subprocess.run(command, capture_output=True, encoding="utf-8")


def test_the_page_tells_of_all_that_goes_together() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


def test_a_page_that_tells_otherwise_is_found(tmp_path: Path) -> None:
    page = (ROOT / "docs/guide/composition.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `nmf`"))
    (tmp_path / "tools").mkdir()
    (tmp_path / "docs/guide").mkdir(parents=True)
    (tmp_path / "tools/composition.py").write_text((ROOT / "tools/composition.py").read_text(encoding="utf-8"))
    for wrong in (row.replace("| A ", "| T ", 1), row.replace("nmf", "nmff")):
        assert wrong != row
        (tmp_path / "docs/guide/composition.md").write_text(page.replace(row, wrong), encoding="utf-8")
        done = check(tmp_path)
        assert done.returncode == 1
        assert "composition.py" in done.stderr
