"""What travels between runners, Redis and consoles: events, entries, keys, positions, size caps.

Besides, how both sides read their settings: `environment`."""
