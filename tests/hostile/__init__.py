"""A megabyte of text made to be slow, put to everything that reads what strangers wrote."""
