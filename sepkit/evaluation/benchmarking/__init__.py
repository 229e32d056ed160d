"""Running methods over datasets, each on each track in a process of its own, and reporting how good they are."""
