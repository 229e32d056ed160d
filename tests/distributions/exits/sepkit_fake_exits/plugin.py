"""Ends the interpreter while it is imported."""

import sys

SEPKIT_API = 1

sys.exit("wants to be alone")
