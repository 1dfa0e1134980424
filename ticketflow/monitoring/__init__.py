"""What can be seen of a running system: its measures, and what is wrong with it, in words."""
