"""Filters for templates: how grants look, by the clock."""
