"""Figures of what matters, each a module with a `main` that writes `build/bench/<name>.json`."""
