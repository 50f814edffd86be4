"""Sign-in by an OpenID Connect provider: whom it vouches for, and what its groups give."""
