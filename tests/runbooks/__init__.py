"""The pages of docs/runbooks, walked on real processes under traffic."""
