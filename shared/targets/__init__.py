"""Reads what an order names and makes it canonical, so that equal things are equal targets.

`parse_target` raises `TargetError` and nothing else, whatever it is given. Its results are fixed points: parsing a
canonical target gives that same target. Nothing that a reader might merely confuse is ever made equal, because that
would withhold more than an order asks.
"""

from shared.targets.errors import TargetError
from shared.targets.parse import MAX_TEXT, NORMALISER_VERSION, parse_target
from shared.targets.platform import DEFAULT_PLATFORM, PlatformPatterns

__all__ = ["DEFAULT_PLATFORM", "MAX_TEXT", "NORMALISER_VERSION", "PlatformPatterns", "TargetError", "parse_target"]
