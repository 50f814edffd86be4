"""Hosts Wasm components with Wasmtime: build, imports, limits, and one execution."""
