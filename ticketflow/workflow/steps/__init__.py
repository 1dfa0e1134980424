"""The steps of a run, one file each: a pure function and the keys it adds to the state."""
