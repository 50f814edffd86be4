"""Running the console: server, HTTP limits, health, readiness and metrics."""
