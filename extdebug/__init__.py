"""The live path: a captured line from its runner through Redis to whoever may watch it."""
