"""docs/how-to/debian.md, typed into a Debian of its own: ``make debian-test``."""
