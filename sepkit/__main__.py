"""``python -m sepkit``."""

from sepkit.cli import main

main()
