"""Files of scores: one module a format, and what mends the notes that they hold."""
