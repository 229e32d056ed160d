"""Publishes a method whose name is not in kebab-case."""
