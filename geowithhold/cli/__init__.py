"""The command line of whoever runs Geowithhold."""

from geowithhold.cli.app import main

__all__ = ["main"]
