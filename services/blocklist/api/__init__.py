"""The routes: a request becomes a command, its result an answer. No SQL and no rule is here."""

from services.blocklist.api.acts import router as acts
from services.blocklist.api.appeals import router as appeals
from services.blocklist.api.batches import router as batches
from services.blocklist.api.correspondence import router as correspondence
from services.blocklist.api.directives import router as directives
from services.blocklist.api.events import router as events
from services.blocklist.api.exports import router as exports
from services.blocklist.api.publishing import router as publishing
from services.blocklist.api.registries import router as registries
from services.blocklist.api.releases import router as releases
from services.blocklist.api.replays import router as replays
from services.blocklist.api.unfinished import router as unfinished
from services.blocklist.api.user_notices import router as user_notices
from services.blocklist.api.withholdings import router as withholdings

ROUTERS = (
    directives,
    acts,
    correspondence,
    exports,
    releases,
    batches,
    publishing,
    events,
    replays,
    user_notices,
    appeals,
    withholdings,
    registries,
    unfinished,
)

__all__ = ["ROUTERS"]
