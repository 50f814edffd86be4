"""Second factors: authenticator apps, passkeys, recovery codes; adding, proving, removing them."""
