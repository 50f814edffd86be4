"""How dates and times are written on English pages."""
