"""A plugin that works: methods, a prior and a constraint."""
