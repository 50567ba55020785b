"""The routes: a request becomes a command or a question, its result an answer. No SQL and no rule is here."""

from services.notifier.api.clocks import router as clocks
from services.notifier.api.directives import router as directives
from services.notifier.api.enforcements import router as enforcements
from services.notifier.api.jurisdictions import router as jurisdictions
from services.notifier.api.points import router as points
from services.notifier.api.quarantine import router as quarantine
from services.notifier.api.replies import router as replies
from services.notifier.api.subscriptions import router as subscriptions
from services.notifier.api.transparency import router as transparency

ROUTERS = (jurisdictions, directives, clocks, replies, enforcements, points, quarantine, subscriptions, transparency)

__all__ = ["ROUTERS"]
