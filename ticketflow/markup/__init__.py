"""Articles as they are written, in any dialect, made into the words a customer may read."""
