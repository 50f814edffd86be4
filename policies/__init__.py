"""Who may watch what: the rules, grants and redaction, decided by facts in the database."""
