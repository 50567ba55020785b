"""The story, act by act. Each act does what was done in 2021, over HTTP, and notes what the system then shows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tools.demo.figures import Figures
from tools.demo.incident import Decisions, at, decisions, notice
from tools.demo.law import Ledger
from tools.demo.scene import POINTS, Scene

PLACE = "IN"


@dataclass(frozen=True, slots=True)
class Cast:
    """The two directives, by id."""

    first: str
    second: str


def play(scene: Scene, figures: Figures, expected: Mapping[str, Any], ledger: Ledger) -> Cast:
    """Plays all acts, notes at the end of each date how the law stands, and gives the directives of the story."""
    first = emergency_directive(scene, figures, expected["first"])
    ledger.note("2021-01-31", first=first)
    restored_by_the_platform(scene, figures, expected["first"], first)
    ledger.note("2021-02-01", first=first)
    non_compliance_notice(scene, figures, expected["first"], first)
    ledger.note("2021-02-03", first=first)
    second = fresh_directive(scene, figures, expected["second"], first)
    ledger.note("2021-02-04", first=first, second=second)
    platform_replies(scene, figures, first)
    ledger.note("2021-02-08", first=first, second=second)
    decided(scene, figures, expected, Cast(first, second))
    ledger.note("2021-02-10", first=first, second=second)
    return Cast(first, second)


def emergency_directive(scene: Scene, figures: Figures, expected: Mapping[str, Any]) -> str:
    """31 January: an emergency order under section 69A is complied with at intake."""
    scene.now(at(1, 31, 7, 10))
    lines = notice(1)
    answer = scene.blocklist.post("/v1/directives", _order("14(1)/2021-ES", "in-it-act-69a-emergency", at(1, 31, 6), lines))
    id_ = str(answer["id"])
    scene.tell("2021-01-31", f"Emergency directive, {len(lines)} lines: {answer['items']['total']} items, complied at intake.")
    figures.add("first.items", "POST /v1/directives: items.total", answer["items"]["total"], expected["items"])
    figures.add("first.duplicates", "POST /v1/directives: duplicates", answer["duplicates"], expected["duplicates"])
    state = _settled(scene)
    figures.add("first.withheld_after_intake", f"GET notifier /v1/jurisdictions/{PLACE}: withheld", state["withheld"],
                expected["withheld_after_intake"])  # fmt: skip
    _note_composition(scene, figures, id_, expected)
    return id_


def restored_by_the_platform(scene: Scene, figures: Figures, expected: Mapping[str, Any], first: str) -> None:
    """1 February: the committee confirms, and the platform restores everything on its own decision."""
    scene.now(at(2, 1, 9))
    scene.blocklist.post(f"/v1/directives/{first}/confirm", {"targets": "all", "memo": "Committee of 1 February"})
    scene.now(at(2, 1, 15))
    answer = scene.blocklist.post("/v1/releases", {
        "cause": "platform_decision", "directive": first, "targets": "all", "jurisdictions": [PLACE],
        "memo": "Restored: protected speech, pending the committee's reasons", "approvers": ["general counsel", "head of safety"],
    })  # fmt: skip
    scene.tell("2021-02-01", f"Confirmed by the committee. The platform restores {answer['released']} items on its own decision.")
    figures.add("first.released", "POST /v1/releases: released", answer["released"], expected["unilateral_releases"])
    figures.add("first.versions_of_release", "POST /v1/releases: withholdings_changed", answer["withholdings_changed"],
                expected["unilateral_releases"])  # fmt: skip
    state = _settled(scene)
    path = f"GET notifier /v1/jurisdictions/{PLACE}"
    figures.add("first.unilateral_releases", f"{path}: unilateral_releases", state["unilateral_releases"],
                expected["unilateral_releases"])  # fmt: skip
    figures.add("first.withheld_after_release", f"{path}: withheld", state["withheld"], 0)
    _note_status(scene, figures, "first.status_after_release", first, "non_compliant")


def non_compliance_notice(scene: Scene, figures: Figures, expected: Mapping[str, Any], first: str) -> None:
    """3 February: the ministry's notice cites the penal provision."""
    scene.now(at(2, 3, 12))
    scene.blocklist.post(f"/v1/directives/{first}/notices", {
        "kind": "non_compliance", "issued_at": "2021-02-03T10:00:00Z", "received_at": "2021-02-03T11:00:00Z",
        "provision": "s.69A(3)", "text": "To block with immediate effect.",
    })  # fmt: skip
    found = scene.until("the notice", lambda: _compliance(scene, first), lambda seen: seen["notices"] == 1)
    exposure = found["exposure"]
    scene.tell("2021-02-03", f"Non-compliance notice, {exposure['provision']}: exposure is {exposure['maximum']}, "
                             f"{exposure['unmet_items']} items unmet.")  # fmt: skip
    query = "GET notifier /v1/directives/{first}/compliance: exposure"
    figures.add("first.exposure.unmet_items", f"{query}.unmet_items", exposure["unmet_items"], expected["items"])
    figures.add("first.exposure.imprisonment_years_max", f"{query}.imprisonment_years_max", exposure["imprisonment_years_max"], 7)


def fresh_directive(scene: Scene, figures: Figures, expected: Mapping[str, Any], first: str) -> str:
    """4 February: a fresh directive under the ordinary procedure waits for decisions."""
    scene.now(at(2, 4, 10))
    lines = notice(2)
    answer = scene.blocklist.post("/v1/directives", _order("14(1)/2021-ES(2)", "in-it-act-69a", at(2, 4, 9), lines))
    second = str(answer["id"])
    both = _targets(scene, first) & _targets(scene, second)
    scene.tell("2021-02-04", f"Fresh directive, {len(lines)} lines: {answer['items']['undecided']} items undecided, "
                             f"{len(both)} of them in the first one, too.")  # fmt: skip
    figures.add("second.items", "POST /v1/directives: items.total", answer["items"]["total"], expected["items"])
    figures.add("second.undecided", "POST /v1/directives: items.undecided", answer["items"]["undecided"], expected["items"])
    figures.add("second.duplicates", "POST /v1/directives: duplicates", answer["duplicates"], expected["duplicates"])
    figures.add("second.withheld_by_it", "POST /v1/directives: withholdings_changed", answer["withholdings_changed"], 0)
    figures.add("second.listed_in_both", "GET /v1/directives/{id}/items of both", len(both), expected["listed_in_both"])
    received = sum(len(item["received"]) for item in scene.blocklist.items(f"/v1/directives/{second}/items"))
    figures.add("second.rows", "GET /v1/directives/{second}/items: received", received, expected["rows"])
    return second


def platform_replies(scene: Scene, figures: Figures, first: str) -> None:
    """8 February: the platform acknowledges the notice and asks for a formal dialogue."""
    scene.now(at(2, 8, 9))
    replies = {"acknowledgement": "Your notice was received.", "dialogue_request": "We ask for a formal dialogue."}
    for kind, text in replies.items():
        scene.blocklist.post(f"/v1/directives/{first}/replies", {"kind": kind, "text": text})
    found = scene.until("the replies", lambda: _compliance(scene, first), lambda seen: seen["replies"] == len(replies))
    scene.tell("2021-02-08", "The platform acknowledges the notice and asks for formal dialogue.")
    figures.add("first.replies_before_decision", "GET notifier /v1/directives/{first}/compliance: replies", found["replies"],
                len(replies))  # fmt: skip


def decided(scene: Scene, figures: Figures, expected: Mapping[str, Any], cast: Cast) -> None:
    """10 February: both are decided, item by item, while one enforcement point is cut off."""
    scene.now(at(2, 10, 9))
    with scene.cut_off("cdn"):
        changed = _decide(scene, cast.second, decisions(2))
        scene.tell(
            "2021-02-10", f"Second directive decided: {changed} withholdings change. The point `cdn` is cut off meanwhile."
        )
        figures.add("second.withholdings_changed", "POST …/decisions: withholdings_changed", changed,
                    expected["second"]["complied_finally"])  # fmt: skip
        _others_applied(scene, figures, changed)
    changed = _decide(scene, cast.first, decisions(1))
    scene.tell("2021-02-10", f"First directive decided: {changed} withholdings change; `cdn` is back and catches up.")
    held_by_second = expected["IN"]["complied_in_both"]
    figures.add("first.withholdings_changed", "POST …/decisions: withholdings_changed", changed,
                expected["first"]["complied_finally"] - held_by_second)  # fmt: skip
    for id_ in (cast.first, cast.second):
        scene.blocklist.post(f"/v1/directives/{id_}/replies", {"kind": "effect_report", "text": "Given effect as decided."})
    _settled(scene)


def _others_applied(scene: Scene, figures: Figures, changed: int) -> None:
    """The two points that are not cut off apply everything; the third owes all of it."""
    wanted = changed * (len(POINTS) - 1)
    seen = scene.until(
        "the other points", lambda: scene.notifier.get(f"/v1/jurisdictions/{PLACE}")["enforcements"],
        lambda found: found["pending"] == changed,
    )  # fmt: skip
    scene.tell("          ", f"Applied at the other two: {wanted} times; owed by `cdn`: {seen['pending']}.")
    figures.add(
        "cdn.owed_while_cut_off", f"GET notifier /v1/jurisdictions/{PLACE}: enforcements.pending", seen["pending"], changed
    )


def _decide(scene: Scene, id_: str, chosen: Decisions) -> int:
    """Complies with what is to be complied with, refuses the rest by ground. Gives how many withholdings changed."""
    path = f"/v1/directives/{id_}/decisions"
    answer = scene.blocklist.post(path, {"decision": "comply", "targets": list(chosen.comply)})
    for ground, targets in sorted(chosen.refuse.items()):
        scene.blocklist.post(path, {"decision": "refuse", "ground": ground, "targets": list(targets)})
    return int(answer["withholdings_changed"])


def _order(reference: str, basis: str, issued_at: Any, lines: list[str]) -> dict[str, Any]:
    return {
        "authority": "in-meity", "reference": reference, "legal_basis": basis, "kind": "block",
        "issued_at": issued_at.isoformat(), "jurisdictions": [PLACE], "targets": lines, "reason": "Public order",
    }  # fmt: skip


def _note_composition(scene: Scene, figures: Figures, id_: str, expected: Mapping[str, Any]) -> None:
    items = list(scene.blocklist.items(f"/v1/directives/{id_}/items"))
    kinds = Counter(item["target_type"] for item in items)
    query = "GET /v1/directives/{first}/items"
    figures.add("first.rows", f"{query}: received", sum(len(item["received"]) for item in items), expected["rows"])
    for kind in ("account", "post", "hashtag"):
        figures.add(f"first.{kind}s", f"{query}: target_type", kinds[kind], expected[f"{kind}s"])


def _note_status(scene: Scene, figures: Figures, name: str, id_: str, wanted: str) -> None:
    found = scene.until(name, lambda: _compliance(scene, id_), lambda seen: seen["status"] == wanted)
    figures.add(name, "GET notifier /v1/directives/{id}/compliance: status", found["status"], wanted)


def _settled(scene: Scene) -> dict[str, Any]:
    """Waits until every version that was made has reached the notifier and is enforced at every point."""
    published = scene.until(
        "publishing", lambda: scene.blocklist.metric("geowithhold_outbox_unpublished"), lambda waiting: waiting == 0.0
    )
    keys = sum(1 for _ in scene.blocklist.items("/v1/withholdings", jurisdiction=PLACE, state="all"))
    for directive in list(scene.blocklist.items("/v1/directives")):
        scene.until("the case", partial(_tracked, scene, directive["id"]), bool)
    state: dict[str, Any] = scene.until(
        f"enforcement ({published:g} events unpublished)", lambda: scene.notifier.get(f"/v1/jurisdictions/{PLACE}"),
        lambda seen: _all_enforced(seen, keys, scene),
    )  # fmt: skip
    return state


def _tracked(scene: Scene, id_: str) -> bool:
    """Whether the notifier has heard all that the blocklist has recorded of the directive."""
    recorded = scene.blocklist.get(f"/v1/directives/{id_}")
    known = scene.notifier.find(f"/v1/directives/{id_}/compliance")
    if known is None:
        return False
    items = ("undecided", "refused", "not_located", "withdrawn")
    return (
        [known["withheld"], known["specified"]] == [recorded["items"]["complied"], recorded["items"]["total"]]
        and all(known[name] == recorded["items"][name] for name in items)
        and (known["notices"], known["replies"]) == (len(recorded["notices"]), len(recorded["replies"]))
    )


def _all_enforced(seen: Mapping[str, Any], keys: int, scene: Scene) -> bool:
    withheld = sum(1 for _ in scene.blocklist.items("/v1/withholdings", jurisdiction=PLACE))
    counts = seen["enforcements"]
    unsettled = sum(counts[state] for state in ("pending", "failed", "overdue", "reverted"))
    known = (seen["withheld"], seen["withheld"] + seen["released"]) == (withheld, keys)
    return known and unsettled == 0 and counts["applied"] == keys * len(POINTS)


def _targets(scene: Scene, id_: str) -> set[str]:
    return {item["target"] for item in scene.blocklist.items(f"/v1/directives/{id_}/items")}


def _compliance(scene: Scene, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = scene.notifier.get(f"/v1/directives/{id_}/compliance")
    return found
