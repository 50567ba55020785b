"""What was found is told in the transaction in which it was found: nothing that is not so, and nothing is kept back."""

from services.notifier.handlers.unit import Unit
from services.notifier.outbound import findings
from services.notifier.outbox import append_findings, told
from shared.topics import Topics


async def tell(unit: Unit, topics: Topics) -> None:
    """Queues an event for each fact that has one. Called once, when the handler is done."""
    found = [told(finding) for finding in findings(unit.found, unit.now)]
    await append_findings(unit.connection, topics, found, unit.now)
