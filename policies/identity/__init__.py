"""Who is asking: signed-in viewers and operators, bearer tokens and one-use tickets."""
