"""Reads the facts, grants and redaction rules of the database that decisions are made from."""
