"""Finds secrets in text and fields and replaces them by masks; pure, shared with runners."""
