"""What fills the ports of ``workflow`` and the needs of use cases, over PostgreSQL, HTTP and chat models."""
