"""Pages for people outside the desk: one's own requests and tokens, a tenant's consent."""
