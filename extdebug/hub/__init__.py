"""One reader of Redis per process and its fan-out to every session that watches."""
