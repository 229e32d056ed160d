"""What the pages on methods let their readers hear and see; made when the documentation is built."""
