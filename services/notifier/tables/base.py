"""What all tables belong to."""

from shared.sql import named_metadata

metadata = named_metadata()
