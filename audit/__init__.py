"""The append-only trail: who looked at what, when and why, hash-chained; one writer, one judge."""
