"""Redis Streams read and kept: connections, replies, continuity, retention, access lists."""
