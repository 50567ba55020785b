"""Invariants 1, 8, 9 and 10: what clients asked for, what they were told, and what the blocklist made of it, item by item."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tests.faults.checker.evidence import Directive, Evidence, ItemVersion, Key, Violation
from tests.faults.checker.oracle import Item, covers, kind_of
from tests.faults.history import Request, Told
from tests.faults.orders import EMERGENCY


def invariant_1(found: Evidence) -> Iterator[Violation]:
    """What was accepted is stored exactly once, as answered; what was refused is not; nothing is stored that nobody asked for."""
    for told in found.told:
        yield from _answered(told, found)
    references = Counter((each.authority, each.reference) for each in found.directives)
    yield from (Violation(1, f"{times} directives have the reference {name}") for name, times in references.items() if times > 1)
    yield from _phantoms(found)


def _answered(told: Told, found: Evidence) -> Iterator[Violation]:
    request, stored = told.request, found.answers.get(told.request.key)
    if told.accepted is not None and (stored is None or dict(stored.body) != told.accepted):
        yield Violation(
            1, f"request {request.number} ({request.kind}) was accepted, and its answer is not stored as it was given"
        )
    if told.refused and stored is not None:
        yield Violation(1, f"request {request.number} ({request.kind}) was refused with {told.refused}, and is stored")
    if request.must_refuse and (stored is not None or told.accepted is not None):
        yield Violation(1, f"request {request.number} ({request.kind}) is wrong, and was accepted: {str(request.body)[:300]}")
    bodies = [each.body for each in told.attempts if each.status is not None and each.status < 300]
    if any(body != bodies[0] for body in bodies):
        yield Violation(1, f"request {request.number} ({request.kind}) got two different answers")


def _phantoms(found: Evidence) -> Iterator[Violation]:
    asked = {told.request.body.get("reference"): told for told in found.told if told.request.kind == "submit"}
    wrong = {told.request.body.get("reference") for told in found.told if told.request.must_refuse}
    for directive in found.directives:
        told = asked.get(directive.reference)
        if told is None or directive.reference in wrong:
            yield Violation(1, f"directive {directive.id} ({directive.reference}) was asked for by nobody")
        elif told.request.key not in found.answers:
            yield Violation(1, f"directive {directive.id} is stored without the answer to request {told.request.number}")
    made = {told.request.kind == "submit" and str(found.answers[key].body.get("id")): key for key, told in _stored(found).items()}
    for lost in set(made) - {False, *found.directive}:
        yield Violation(1, f"directive {lost} was answered, and is not stored")


def _stored(found: Evidence) -> Mapping[str, Told]:
    return {key: told for key, told in found.told_by_key.items() if key in found.answers}


def invariant_10(found: Evidence) -> Iterator[Violation]:
    """Every version of an item, and every batch, comes from one request; a batch has as many items as it says."""
    counted = Counter(version.batch for version in found.items)
    own = Counter((version.batch, version.directive) for version in found.items)
    for batch in found.batches:
        if batch.id not in found.told_by_batch:
            yield Violation(10, f"batch {batch.id} was made by no request")
        if counted[batch.id] != batch.items:
            yield Violation(10, f"batch {batch.id} says {batch.items} items, there are {counted[batch.id]}")
    known = {batch.id for batch in found.batches}
    for lost in set(counted) - known:
        yield Violation(10, f"{counted[lost]} items name the batch {lost}, which is not there")
    changed = sum(batch.withholdings_changed for batch in found.batches)
    if changed != len(found.intent):
        yield Violation(10, f"batches changed {changed} versions of keys, there are {len(found.intent)}")
    for told in found.told:
        yield from _all_of_n(told, found, own)


def _all_of_n(told: Told, found: Evidence, own: Counter[tuple[str | None, str]]) -> Iterator[Violation]:
    """Of N targets that were named, each one was reached, and not only the first."""
    request, answer = told.request, found.answers.get(told.request.key)
    if answer is None:
        return
    targets = request.body.get("targets")
    directive = str(answer.body.get("id")) if request.kind == "submit" else request.directive or ""
    number = own[str(answer.body.get("batch")), directive]
    if request.kind == "submit" and number != len(set(targets or ())):
        yield Violation(10, f"request {request.number} brought {len(set(targets or ()))} targets, and made {number} items")
    if request.kind == "decide" and number != answer.body.get("changed"):
        yield Violation(10, f"request {request.number} was told {answer.body['changed']} changes, there are {number}")
    if request.kind in ("rescind", "quash", "stay", "unstay") and isinstance(targets, list) and number != len(targets):
        yield Violation(10, f"request {request.number} ({request.kind}) named {len(targets)} targets, and reached {number}")


def invariant_8(found: Evidence) -> Iterator[Violation]:
    """Never wider: what is withheld at any version was asked for that target and place by each directive that it names."""
    asked = _asked(found)
    for version in found.intent:
        if version.state == "withheld":
            for directive in version.directives:
                scope = asked.get((directive, version.key.target))
                if scope is None or not any(covers(place, version.key.place) for place in scope):
                    yield Violation(8, f"{version.key}@{version.version} is withheld for {directive}, which never asked for that")
    live = _live_claims(found)
    for key, versions in found.by_key.items():
        if versions[-1].state == "withheld" and not live.get(key):
            yield Violation(8, f"{key}@{versions[-1].version} is withheld, and no live claim asks for it")


def _asked(found: Evidence) -> dict[tuple[str, str], Sequence[str]]:
    """By directive and target the places that its own request named: from what clients sent, not from what is stored of it."""
    asked: dict[tuple[str, str], Sequence[str]] = {}
    for key, told in _stored(found).items():
        if told.request.kind == "submit":
            directive = str(found.answers[key].body.get("id"))
            asked.update({(directive, target): told.request.body["jurisdictions"] for target in told.request.body["targets"]})
    return asked


def _live_claims(found: Evidence) -> dict[Key, set[str]]:
    live: dict[Key, set[str]] = defaultdict(set)
    for (directive, target), item in replayed(found)[0].items():
        for place in item.live():
            live[Key(place, target)].add(directive)
    return live


def invariant_9(found: Evidence) -> Iterator[Violation]:
    """Each item is what its requests, in the order of its versions, make of it; each key is what its items make of it."""
    yield from replayed(found)[1]
    live = _live_claims(found)
    for key, versions in found.by_key.items():
        now, claimants = versions[-1], live.get(key, set())
        if (now.state == "withheld") != bool(claimants):
            yield Violation(9, f"{key} is {now.state} at version {now.version}, its live claims are {sorted(claimants)}")
        elif now.claimants is not None and now.claimants != claimants:
            yield Violation(9, f"{key} names the claimants {sorted(now.claimants)}, they are {sorted(claimants)}")
    for key in live.keys() - found.by_key.keys():
        yield Violation(9, f"{key} is claimed by {sorted(live[key])}, and was never withheld")


Replayed = tuple[dict[tuple[str, str], Item], list[Violation]]
_replays: dict[int, tuple[Evidence, Replayed]] = {}


def replayed(found: Evidence) -> Replayed:
    """Every item by the oracle's reckoning, and where what is stored differs from that. Reckoned once for each evidence."""
    kept = _replays.get(id(found))
    if kept is None or kept[0] is not found:
        _replays.clear()
        kept = _replays[id(found)] = (found, _replay(found))
    return kept[1]


def _replay(found: Evidence) -> Replayed:
    items: dict[tuple[str, str], Item] = defaultdict(Item)
    violations: list[Violation] = []
    for version in sorted(found.items, key=lambda each: (each.directive, each.target, each.version)):
        item, told = items[version.directive, version.target], found.told_by_batch.get(version.batch or "")
        problem = "no request made it" if told is None else _follow(item, version, told.request, found)
        expected = dict(item.claims)
        if problem is None and expected != {place: kind_of(claim) for place, claim in version.claims.items()}:
            problem = f"its claims are {dict(version.claims)}, expected {expected}"
        if problem is None and item.stayed != version.stayed:
            problem = f"stayed is {version.stayed}"
        if problem:
            number = told.request.number if told else None
            where = f"item {version.directive}/{version.target}@{version.version}"
            violations.append(Violation(9, f"{where} after request {number}: {problem}"))
            item.claims = {place: kind_of(claim) for place, claim in version.claims.items()}
    return items, violations


def _follow(item: Item, version: ItemVersion, request: Request, found: Evidence) -> str | None:
    """Lets the item follow the request. Answers why the request could not have reached it, if it could not."""
    named = _acting(request, found)
    directive, acting = found.directive.get(version.directive), found.directive.get(named or "")
    if directive is None or (named and acting is None):
        return "its directive is not stored"
    if item.closed:
        return f"{request.kind} after its end"
    if acting is None:
        item.release(request.body["jurisdictions"])
    elif request.kind == "supersede" or acting.id != directive.id:
        return _from_elsewhere(item, directive, acting, request, found)
    else:
        _from_itself(item, directive, request)
    return None


def _acting(request: Request, found: Evidence) -> str | None:
    """The directive that the request is about; None for a release of whatever is claimed."""
    if request.kind == "submit":
        return str(found.answers[request.key].body.get("id"))
    named: str | None = request.body["by"] if request.kind == "supersede" else request.directive or request.body.get("directive")
    return named


def _from_itself(item: Item, directive: Directive, request: Request) -> None:
    body = request.body
    match request.kind:
        case "submit" if directive.kind == "block" and body["legal_basis"] == EMERGENCY.basis:
            item.claim(directive.scope)
        case "decide" if directive.kind == "block" and body["decision"] == "comply":
            item.claim(body.get("jurisdictions") or directive.scope)
        case "release":
            item.release(body["jurisdictions"])
        case "rescind" | "quash":
            item.close()
        case "stay":
            item.stay()
        case "unstay":
            item.unstay()
        case _:
            pass  # a decision against, an unblock carried out, an order that waits for its decision: no claim


def _from_elsewhere(item: Item, directive: Directive, acting: Directive, request: Request, found: Evidence) -> str | None:
    if acting.authority != directive.authority:
        return f"{acting.id} of another authority acted on it"
    if acting.kind == "unblock":
        item.lift(request.body.get("jurisdictions") or acting.scope)
        return None
    older: str | None = acting.supersedes
    while older and older in found.directive and older != directive.id:
        older = found.directive[older].supersedes
    if older != directive.id:
        return f"{acting.id}, which does not supersede it, ended it"
    item.close()
    return None
