"""sepkit over HTTP, and a page on it: started by ``sepkit serve``."""
