"""Brings in who and what the platform knows, and keeps it in step: docs/directory.md."""
