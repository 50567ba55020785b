"""Clients at work: each has directives of its own, and does one thing after the other, weighted and seeded.

They overlap on purpose: the same targets, in the same places, from several clients at a time, with releases and unblocks that end
what others claimed. What is done is recorded in the history, never what a client thinks of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any

from tests.faults.history import Body, Request
from tests.faults.orders import EMERGENCY, LAWS, Known, Law, some_targets

SIZES = (10, 40, 80, 150, 250, 400)
"""Targets in one order."""

MOST_KNOWN = 14
"""Directives that a client has in hand; the oldest is forgotten first, and stands as it is."""


class Client:
    """Chooses what to ask next. `absorb` is told what was accepted."""

    def __init__(self, number: int, seed: int, numbers: Iterator[int], issued_at: datetime, run: str) -> None:
        self.number = number
        self.chance = Random(f"{seed}/{number}")  # noqa: S311 (to be repeated, not to be secret)
        self._numbers = numbers
        self._issued_at = issued_at.isoformat()
        self._run = run
        self._known: list[Known] = []
        self._asked: dict[int, Callable[[Body], None]] = {}

    def next(self) -> Request:
        """The next request. There is always one: an order can always be given."""
        while True:
            request = _chosen(self)
            if request is not None:
                return request

    def absorb(self, request: Request, answer: Body) -> int:
        """Takes note of what was accepted. Answers how many acts on one target that was."""
        accepted = self._asked.pop(request.number, None)
        if accepted:
            accepted(answer)
        acts = answer["items"]["total"] if request.kind == "submit" else _acts(answer)
        return int(acts)

    def forget(self, request: Request) -> None:
        """Nothing came of it, or nobody knows what."""
        self._asked.pop(request.number, None)

    def submit(self) -> Request:
        law = self.chance.choice(LAWS)
        return self._submit(law, self.chance.choice(law.scopes), some_targets(self.chance, self.chance.choice(SIZES), law))

    def submit_superseding(self) -> Request | None:
        """An order in the place of another one, with some of its targets and some new ones."""
        old = self._one(lambda known: bool(known.open) and not known.followed)
        if old is None:
            return None
        fresh = some_targets(self.chance, 10, old.law)
        return self._submit(old.law, old.scope, list(dict.fromkeys(self._some(old.open) + fresh)), follows=old)

    def unblock(self) -> Request | None:
        """An order of the Indian ministry that lifts, among others, what somebody else's directive claims."""
        known = self._one(lambda each: bool(each.complied) and each.law.authority == EMERGENCY.authority)
        if known is None:
            return None
        targets = self._some(known.complied)
        body = self._order(EMERGENCY.authority, EMERGENCY.basis, ["IN"], targets) | {"kind": "unblock"}
        return self._request("submit", "/v1/directives", body, lambda _answer: known.end(set(targets)))

    def comply(self) -> Request | None:
        known = self._one(lambda each: bool(each.undecided))
        return None if known is None else self._decide(known, "comply", known.undecided)

    def comply_partly(self) -> Request | None:
        """Narrower than asked: one place of several."""
        known = self._one(lambda each: bool(each.undecided) and len(each.scope) > 1)
        if known is None:
            return None
        return self._decide(known, "comply", known.undecided, jurisdictions=[self.chance.choice(list(known.scope))])

    def block_again(self) -> Request | None:
        known = self._one(lambda each: bool(each.released))
        return None if known is None else self._decide(known, "comply", known.released)

    def refuse(self) -> Request | None:
        known = self._one(lambda each: bool(each.undecided))
        return None if known is None else self._decide(known, "refuse", known.undecided, ground="news_media")

    def not_located(self) -> Request | None:
        known = self._one(lambda each: bool(each.undecided))
        return None if known is None else self._decide(known, "not_located", known.undecided)

    def release(self) -> Request | None:
        known = self._one(lambda each: bool(each.complied))
        if known is None:
            return None
        targets = self._some(known.complied)
        return self._request(
            "release", "/v1/releases", self._release(known, targets) | {"directive": known.id}, _released(known, targets)
        )

    def release_whoever_asked(self) -> Request | None:
        known = self._one(lambda each: bool(each.complied - each.stayed))
        if known is None:
            return None
        targets = self._some(known.complied - known.stayed)
        return self._request("release", "/v1/releases", self._release(known, targets), _released(known, targets))

    def rescind(self) -> Request | None:
        return self._act("rescind", lambda known: known.open, Known.end)

    def quash(self) -> Request | None:
        return self._act("quash", lambda known: known.open, Known.end)

    def stay(self) -> Request | None:
        return self._act("stay", lambda known: known.open - known.stayed, lambda known, targets: known.stayed.update(targets))

    def unstay(self) -> Request | None:
        return self._act("unstay", lambda known: known.stayed, lambda known, targets: known.stayed.difference_update(targets))

    def supersede(self) -> Request | None:
        new = self._one(lambda each: bool(each.open) and each.follows is None and not each.stayed)
        old = self._one(lambda each: each is not new and bool(each.open) and not each.followed and each.follows is None)
        if new is None or old is None or new.law.authority != old.law.authority or new.followed:
            return None

        def accepted(_answer: Body) -> None:
            old.followed, new.follows = True, old.id
            old.end(set(old.targets) - new.undecided)

        return self._request("supersede", f"/v1/directives/{old.id}/supersede", {"by": new.id}, accepted)

    def ask_for_nowhere(self) -> Request:
        """An order without a jurisdiction is no order for everywhere."""
        return self._wrong(
            "submit", self._order("in-meity", "in-it-act-69a-emergency", [], some_targets(self.chance, 8, EMERGENCY))
        )

    def reach_too_far(self) -> Request:
        """The second of two places is beyond the authority's power."""
        order = self._order(
            "in-meity",
            "in-it-act-69a-emergency",
            ["IN", self.chance.choice(["US", "PK", "DE"])],
            some_targets(self.chance, 8, EMERGENCY),
        )
        return self._wrong("submit", order)

    def ask_nonsense(self) -> Request:
        """One of many targets is none."""
        targets = some_targets(self.chance, 20, EMERGENCY)
        targets[self.chance.randrange(1, 20)] = "post:not-a-number"
        return self._wrong("submit", self._order("in-meity", "in-it-act-69a-emergency", ["IN"], targets))

    def decide_on_a_stranger(self) -> Request | None:
        """One of the targets is not the directive's, the others are."""
        known = self._one(lambda each: bool(each.undecided))
        if known is None:
            return None
        targets = [*self._some(known.undecided), "account:nobody_ever_asked_for"]
        path = f"/v1/directives/{known.id}/decisions"
        return self._wrong("decide", {"decision": "comply", "targets": targets}, path)

    def widen(self) -> Request | None:
        """A decision beyond what was asked."""
        known = self._one(lambda each: bool(each.undecided))
        if known is None:
            return None
        body = {"decision": "comply", "targets": self._some(known.undecided), "jurisdictions": [*known.scope, "TR"]}
        return self._wrong("decide", body, f"/v1/directives/{known.id}/decisions")

    def _submit(self, law: Law, scope: Sequence[str], targets: Sequence[str], *, follows: Known | None = None) -> Request:
        body = self._order(law.authority, law.basis, scope, targets) | ({"supersedes": follows.id} if follows else {})

        def accepted(answer: Body) -> None:
            known = Known(answer["id"], law, scope, targets, follows=follows.id if follows else None)
            (known.complied if law.at_intake else known.undecided).update(targets)
            if follows:
                follows.followed = True
                follows.end(follows.open - known.undecided)
            self._known = [*self._known, known][-MOST_KNOWN:]

        return self._request("submit", "/v1/directives", body, accepted)

    def _decide(self, known: Known, decision: str, among: set[str], **more: Any) -> Request:
        every = among is known.undecided and self.chance.random() < 0.5
        targets = sorted(among) if every else self._some(among)
        body = {"decision": decision, "targets": "undecided" if every else targets, **more}

        def accepted(_answer: Body) -> None:
            among.difference_update(targets)
            if decision == "comply":
                known.complied.update(targets)

        return self._request("decide", f"/v1/directives/{known.id}/decisions", body, accepted)

    def _act(self, verb: str, among: Callable[[Known], set[str]], effect: Callable[[Known, set[str]], None]) -> Request | None:
        known = self._one(lambda each: bool(among(each)))
        if known is None:
            return None
        targets = self._some(among(known))
        body: Body = {"targets": targets, "memo": "as ordered"}
        return self._request(verb, f"/v1/directives/{known.id}/{verb}", body, lambda _answer: effect(known, set(targets)))

    def _release(self, known: Known, targets: Sequence[str]) -> Body:
        body: Body = {"cause": "error", "targets": list(targets), "jurisdictions": list(known.scope)}
        if self.chance.random() < 0.5:
            body |= {"cause": "platform_decision", "memo": "Protected speech", "approvers": ["asha", "bo"]}
        return body

    def _order(self, authority: str, basis: str, scope: Sequence[str], targets: Sequence[str]) -> Body:
        return {
            "authority": authority,
            "legal_basis": basis,
            "reference": f"{self._run}/{self.number}/{self.chance.getrandbits(64):x}",
            "kind": "block",
            "issued_at": self._issued_at,
            "jurisdictions": list(scope),
            "targets": list(targets),
            "reason": "Public order",
        }

    def _wrong(self, kind: str, body: Body, path: str = "/v1/directives") -> Request:
        request = self._request(kind, path, body, lambda _answer: None)
        return Request(**{name: getattr(request, name) for name in Request.__slots__} | {"must_refuse": True})

    def _request(self, kind: str, path: str, body: Body, accepted: Callable[[Body], None]) -> Request:
        number = next(self._numbers)
        self._asked[number] = accepted
        return Request(number=number, client=self.number, kind=kind, key=f"{self._run}-{number}", path=path, body=body)

    def _one(self, fits: Callable[[Known], bool]) -> Known | None:
        found = [known for known in self._known if fits(known)]
        return self.chance.choice(found) if found else None

    def _some(self, among: set[str]) -> list[str]:
        listed = sorted(among)
        return self.chance.sample(listed, max(1, int(len(listed) * self.chance.uniform(0.3, 1.0))))


def _released(known: Known, targets: Sequence[str]) -> Callable[[Body], None]:
    def accepted(_answer: Body) -> None:
        known.complied.difference_update(targets)
        known.released.update(targets)

    return accepted


def _acts(answer: Body) -> int:
    return int(answer.get("changed") or answer.get("released") or answer.get("suspended") or answer.get("restored") or 0)


Choice = Callable[[Client], Request | None]

_WEIGHTED: Mapping[Choice, int] = {
    Client.submit: 30,
    Client.submit_superseding: 4,
    Client.unblock: 4,
    Client.comply: 26,
    Client.comply_partly: 8,
    Client.block_again: 10,
    Client.refuse: 4,
    Client.not_located: 2,
    Client.release: 14,
    Client.release_whoever_asked: 5,
    Client.rescind: 6,
    Client.quash: 3,
    Client.stay: 7,
    Client.unstay: 7,
    Client.supersede: 4,
    Client.ask_for_nowhere: 1,
    Client.reach_too_far: 1,
    Client.ask_nonsense: 1,
    Client.decide_on_a_stranger: 1,
    Client.widen: 1,
}
CHOICES: Sequence[Choice] = list(_WEIGHTED)
WEIGHTS: Sequence[int] = list(_WEIGHTED.values())


def _chosen(client: Client) -> Request | None:
    choice = client.chance.choices(CHOICES, WEIGHTS)[0]
    return choice(client)
