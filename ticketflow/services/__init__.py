"""Use cases, one per file. Each opens its own transactions; no model thinks inside one."""
