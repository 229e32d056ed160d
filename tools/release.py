"""Release all distributions of this repository in step: one version, one tag, one entry in the changelog.

``python tools/release.py set 0.2.0`` writes a version wherever one stands, and today's date into CHANGELOG.md;
``python tools/release.py notes 0.2.0`` prints what the changelog says of it.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHANGELOG = "CHANGELOG.md"
VERSION = re.compile(r"(\d+)\.(\d+)\.\d+")


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["set", "notes"])
    parser.add_argument("version", help="such as 0.2.0, without a v")
    given = parser.parse_args()
    if not VERSION.fullmatch(given.version):
        parser.error(f"{given.version!r} is no version; wanted three numbers, such as 0.2.0")
    if given.what == "set":
        set_version(ROOT, given.version, datetime.date.today())
    else:
        print(notes((ROOT / CHANGELOG).read_text(encoding="utf-8"), given.version))


def set_version(root: Path, version: str, today: datetime.date) -> None:
    """Write a version into all distributions in the checkout `root`, what they ask of each other, the changelog."""
    major, minor = map(int, VERSION.fullmatch(version).groups())  # type: ignore[union-attr]
    core = f">={major}.{minor},<{major}.{minor + 1}"
    for project in (root / "pyproject.toml", *sorted(root.glob("plugins/*/pyproject.toml"))):
        replace(project, r'^version = "[^"]+"', f'version = "{version}"')
        if project.parent != root:
            replace(project, r'"(sepkit[\w-]*(?:\[[\w,]+\])?)>=[^"]+"', rf'"\g<1>{core}"')
    replace(root / "sepkit/version.py", r'__version__ = "[^"]+"', f'__version__ = "{version}"')
    replace(
        root / "CITATION.cff", r"^version: .+(\ndate-released: .+)?$", f"version: {version}\ndate-released: {today}"
    )
    replace(root / CHANGELOG, r"^## [\d.]+, not yet released$", f"## {version}, {today}")


def replace(file: Path, pattern: str, by: str) -> None:
    """Replace what matches in a file; something has to."""
    text, count = re.subn(pattern, by, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not count:
        sys.exit(f"{file}: nothing looks like {pattern}")
    file.write_text(text, encoding="utf-8")


def notes(changelog: str, version: str) -> str:
    """What the changelog says of a version, without its heading."""
    for section in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        if heading.partition(",")[0] == version:
            if "not yet released" in heading:
                sys.exit(f"{CHANGELOG}: {version} is not yet released; python tools/release.py set {version} dates it")
            return body.strip()
    sys.exit(f"{CHANGELOG}: nothing about {version}")


if __name__ == "__main__":
    main()
