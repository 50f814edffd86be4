"""The query language of filters: parsed, checked, and evaluated over batches of events."""
