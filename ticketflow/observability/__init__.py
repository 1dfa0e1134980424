"""What operators see: structured logs now; metrics and traces build on the same context."""
