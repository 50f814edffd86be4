"""Changes of the facts that decide who may watch: recorded, and asked of a second person."""
