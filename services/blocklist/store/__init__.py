"""Rows become values of the domain here, and values rows. Nothing here decides anything."""
