"""sepkit as a process beside its host: requests and answers as JSON over standard input and output."""
