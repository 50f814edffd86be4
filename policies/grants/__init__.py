"""A grant's life: requested, approved, claimed, ended by expiry or people, and told to others."""
