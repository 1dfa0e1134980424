"""Programs that `python -m benchmarks` starts, as modules at the top: this folder is on their path."""
