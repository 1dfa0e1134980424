"""Private servers and processes for tests: every one on 127.0.0.1, in its own folder, ended by its id."""
