"""The operators' pages in the admin: grants, rules, redaction, tokens, and ending sessions."""
