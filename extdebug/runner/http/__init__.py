"""The runner's HTTP server: execute a component, follow this runner's events, metrics."""
