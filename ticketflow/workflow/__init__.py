"""The pure core: what the steps are, what they need and what they add. No I/O lives here."""
