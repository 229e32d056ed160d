"""States no version of the contract."""
