"""Written for a contract of the future."""
