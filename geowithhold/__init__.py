"""What systems that hide things import: a local view of what is withheld, and a loop that keeps it and acknowledges."""

from geowithhold.epochs import Epochs
from geowithhold.point import EnforcementPoint
from geowithhold.view import WithholdingView

__all__ = ["EnforcementPoint", "Epochs", "WithholdingView"]
