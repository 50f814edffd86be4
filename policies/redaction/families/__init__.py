"""The built-in redaction rules, one table for each kind of issuer or form."""
