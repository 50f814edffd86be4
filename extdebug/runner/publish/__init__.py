"""From a captured event to Redis: numbered, bounded, redacted, sent; never blocking a guest."""
