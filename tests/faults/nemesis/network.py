"""Faults between a service and what it depends on. What took effect is what the proxy counted."""

from random import Random

from tests.faults.nemesis.base import Fault, Scene, hold, until
from tests.support.proxy import Direction, Effect, Proxy

COMMIT = b"COMMIT"
PRODUCE = b"ce_specversion"
"""Stands in every record that a relay sends, and in no other request of its."""

MET_WITHIN = 6.0


def _proxy(scene: Scene, chance: Random, *names: str) -> Proxy:
    return scene.world.proxies[chance.choice(names or tuple(sorted(scene.world.proxies)))]


async def _met(proxy: Proxy, effect: Effect, before: int, within: float = MET_WITHIN) -> bool:
    """Whether the effect came about since; whatever was asked of the proxy is taken back."""
    met = await until(lambda: proxy.took[effect] > before, within)
    proxy.restore()
    return met


async def cut_in_commit(scene: Scene, chance: Random) -> bool:
    """Before the server has the COMMIT, or after it has answered it: the client cannot tell which."""
    return await _cut_at(_proxy(scene, chance, "api-db", "relay-db", "notifier-db"), chance, COMMIT)


async def cut_in_produce(scene: Scene, chance: Random) -> bool:
    """Before the broker has the batch, or after it has acknowledged it."""
    return await _cut_at(_proxy(scene, chance, "relay-kafka", "relay-kafka", "notifier-kafka"), chance, PRODUCE)


async def _cut_at(proxy: Proxy, chance: Random, pattern: bytes) -> bool:
    before = proxy.took[Effect.CUT]
    if chance.random() < 0.5:
        proxy.cut_answer_to(pattern)
    else:
        proxy.cut_at(pattern)
    return await _met(proxy, Effect.CUT, before)


async def cut(scene: Scene, chance: Random) -> bool:
    """Every connection of one kind of service, at once."""
    return _proxy(scene, chance).cut() > 0


async def cut_after(scene: Scene, chance: Random) -> bool:
    """Somewhere in the middle of what is said."""
    proxy = _proxy(scene, chance)
    before = proxy.took[Effect.CUT]
    proxy.cut_after(chance.randint(1, 20_000), chance.choice(list(Direction)))
    return await _met(proxy, Effect.CUT, before)


async def latency(scene: Scene, chance: Random) -> bool:
    proxy = _proxy(scene, chance)
    before = proxy.took[Effect.DELAYED]
    proxy.latency(chance.uniform(0.05, 0.3))
    await hold(chance, 1.0, 3.0)
    return await _met(proxy, Effect.DELAYED, before, 0.0)


async def black_hole(scene: Scene, chance: Random) -> bool:
    """Nothing passes, and nobody hangs up."""
    proxy = _proxy(scene, chance)
    before = proxy.took[Effect.HELD_BACK]
    proxy.black_hole()
    await hold(chance, 1.0, 4.0)
    return await _met(proxy, Effect.HELD_BACK, before, 0.0)


async def half_open(scene: Scene, chance: Random) -> bool:
    """Connections break, and new ones are taken by somebody who never says a word."""
    proxy = _proxy(scene, chance)
    before = proxy.took[Effect.HALF_OPENED]
    proxy.half_open()
    proxy.cut()
    await hold(chance, 1.0, 3.0)
    return await _met(proxy, Effect.HALF_OPENED, before, 2.0)


async def refuse(scene: Scene, chance: Random) -> bool:
    """Nobody listens, for a while."""
    proxy = _proxy(scene, chance)
    before = proxy.took[Effect.CUT]
    await proxy.refuse()
    await hold(chance, 0.5, 3.0)
    await proxy.listen()
    return proxy.took[Effect.CUT] > before


FAULTS = (
    Fault("connection cut in COMMIT", cut_in_commit, 8),
    Fault("connection cut in Produce", cut_in_produce, 8, needs_kafka=True),
    Fault("all connections cut", cut, 3),
    Fault("connection cut after n bytes", cut_after, 4),
    Fault("latency", latency, 3),
    Fault("black hole", black_hole, 3),
    Fault("half-open connections", half_open, 2),
    Fault("connections refused", refuse, 2),
)
