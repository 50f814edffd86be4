"""The live protocol ext-debug.v1: frames from clients, frames to clients, close codes."""
