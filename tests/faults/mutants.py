"""Bugs planted on purpose, by name: each patches the product inside a process of the fault suite, before it runs."""

from collections.abc import Callable, Mapping

MUTANTS: Mapping[str, Callable[[], None]] = {}
