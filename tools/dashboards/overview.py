"""The first dashboard: what is withheld and enforced where, what breaches a duty, and whether every change is on its way."""

from collections.abc import Iterator
from itertools import count

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableOption, VariableRefresh, VariableSort

from tools.dashboards.panels import DATASOURCE, Panel, figure, lines, totals
from tools.dashboards.queries import (
    EACH_POINT,
    IN_JURISDICTION,
    SHOWN,
    WITHOUT_PROBES,
    Query,
    grown,
    or_zero,
    per_second,
    quantile,
    standing,
)

UID = "geowithhold-overview"

WITHHELD = standing(f"geowithhold_withholdings{{{IN_JURISDICTION}}}", "jurisdiction", "target_type")
UNILATERAL = standing(f"geowithhold_unilateral_releases{{{IN_JURISDICTION}}}", "jurisdiction")
ENFORCEMENTS = standing(f"geowithhold_enforcements{{{IN_JURISDICTION}}}", "jurisdiction", "state")
OVERDUE = standing(f'geowithhold_enforcements{{{IN_JURISDICTION}, state="overdue"}}', "jurisdiction")
BREACHES = f"geowithhold_deadline_breaches_total{{{IN_JURISDICTION}}}"
RECEIVED = f"geowithhold_directives_received_total{{{IN_JURISDICTION}}}"
RELEASES = f"geowithhold_releases_total{{{IN_JURISDICTION}}}"
DUE_WITHIN = standing(f"geowithhold_clocks_due_within{{{IN_JURISDICTION}}}", "jurisdiction", "within")
WARNINGS = f"geowithhold_clock_warnings_total{{{IN_JURISDICTION}}}"
TIME_TO_ACKNOWLEDGE = f"geowithhold_time_to_acknowledge_seconds_bucket{{{IN_JURISDICTION}}}"
TIME_TO_RELEASE = f"geowithhold_time_to_release_seconds_bucket{{{IN_JURISDICTION}}}"
TIME_TO_ENFORCE = f"geowithhold_time_to_enforce_seconds_bucket{{{IN_JURISDICTION}}}"
REQUESTS = f"geowithhold_http_requests_total{{{WITHOUT_PROBES}}}"
HTTP_ERRORS = f'geowithhold_http_requests_total{{{WITHOUT_PROBES}, status=~"[45].."}}'
REQUEST_TIMES = f"geowithhold_http_request_seconds_bucket{{{WITHOUT_PROBES}}}"


def build() -> dashboard.Dashboard:
    board = (
        dashboard.Dashboard("Geowithhold overview")
        .uid(UID)
        .description("What is withheld and enforced where, which deadlines are missed, and whether every change is on its way.")
        .tags(["geowithhold"])
        .timezone("utc")
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_jurisdictions())
    )
    ids = count(1)
    for title, panels in (("Compliance", compliance()), ("Clocks", clocks()), ("Pipeline", pipeline())):
        board.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            board.with_panel(panel.id(next(ids)))
    return board


def compliance() -> Iterator[Panel]:
    yield from _compliance_figures()
    yield lines(
        "Withheld by jurisdiction",
        "Targets withheld, of all types.",
        Query(f"sum by (jurisdiction) ({WITHHELD})", "{{jurisdiction}}"),
    )
    yield lines(
        "Enforcements by state",
        "Present versions at enforcement points. Reverted: a point undid what it had applied.",
        Query(f"sum by (state) ({ENFORCEMENTS})", "{{state}}"),
    )
    yield lines(
        "Time to enforce",
        "From a change to its being applied at a point. A block that outlives its release shows here.",
        Query(quantile(0.5, TIME_TO_ENFORCE, "change"), "{{change}}, p50"),
        Query(quantile(0.99, TIME_TO_ENFORCE, "change"), "{{change}}, p99"),
        unit="s",
    )
    yield lines(
        "Unilateral releases by jurisdiction",
        "Versions that the platform released by its own decision while the directive stood, also when blocked again later.",
        Query(UNILATERAL, "{{jurisdiction}}"),
    )
    yield from _compliance_totals()


def _compliance_figures() -> Iterator[Panel]:
    yield figure("Withheld now", "Targets withheld, each jurisdiction counted on its own.", of_blocklist(f"sum({WITHHELD})"))
    yield figure(
        "Unilateral releases",
        "Versions that the platform released by its own decision while the directive stood, also when blocked again later.",
        of_notifier(f"sum({UNILATERAL})"),
    )
    yield figure(
        "Overdue enforcements",
        "Present versions that an enforcement point has not applied in its time: blocks and releases alike.",
        of_notifier(f"sum({OVERDUE})"),
        red_from=1,
    )
    yield figure(
        "Deadline breaches",
        "Legal deadlines missed within the time shown.",
        of_notifier(grown(BREACHES, SHOWN)),
        red_from=1,
    )


def _compliance_totals() -> Iterator[Panel]:
    yield totals(
        "Directives received",
        "Directives accepted within the time shown, by each jurisdiction that they name.",
        grown(RECEIVED, SHOWN, "jurisdiction", "legal_basis", "kind"),
        "{{jurisdiction}}, {{legal_basis}}, {{kind}}",
    )
    yield totals(
        "Releases by cause",
        "Withholdings released within the time shown.",
        grown(RELEASES, SHOWN, "cause"),
        "{{cause}}",
    )
    yield totals(
        "Deadline breaches by legal basis",
        "Legal deadlines missed within the time shown.",
        grown(BREACHES, SHOWN, "jurisdiction", "legal_basis"),
        "{{jurisdiction}}, {{legal_basis}}",
    )


def clocks() -> Iterator[Panel]:
    yield lines(
        "Deadlines that run out soon",
        "Verified duties by how soon their time runs out; overdue are those missed and still unmet.",
        Query(f"sum by (within) ({DUE_WITHIN})", "{{within}}"),
        width=8,
    )
    yield lines(
        "Clock warnings",
        f"Duties of which half or four fifths of the time went by unmet, within {EACH_POINT} before each point.",
        Query(grown(WARNINGS, EACH_POINT, "percent"), "{{percent}} %"),
        width=8,
    )
    yield lines(
        "Time to acknowledge, time to release",
        "From the start of a directive's time to its first reply; from the end of claims to the last point that let go.",
        Query(quantile(0.5, TIME_TO_ACKNOWLEDGE), "acknowledge, p50"),
        Query(quantile(0.95, TIME_TO_ACKNOWLEDGE), "acknowledge, p95"),
        Query(quantile(0.5, TIME_TO_RELEASE), "release, p50"),
        Query(quantile(0.95, TIME_TO_RELEASE), "release, p95"),
        unit="s",
        width=8,
    )


def pipeline() -> Iterator[Panel]:
    yield from _pipeline_figures()
    yield lines(
        "Events that wait in the outbox",
        "Stored and not yet acknowledged by Kafka, in the outbox of the service where more do.",
        Query(standing("geowithhold_outbox_unpublished"), "unpublished"),
    )
    yield lines(
        "Age of the oldest event that waits",
        "How far enforcement points, or subscribers of the compliance topic, are behind.",
        Query(standing("geowithhold_outbox_oldest_seconds"), "oldest"),
        unit="s",
    )
    yield lines(
        "Events published",
        "Acknowledged by Kafka, each second, by topic.",
        Query(per_second("geowithhold_events_published_total", "topic"), "{{topic}}"),
        unit="ops",
    )
    yield lines(
        "Relay failures",
        f"Turns of the relay that failed and were tried again, within {EACH_POINT} before each point.",
        Query(grown("geowithhold_relay_failures_total", EACH_POINT), "failures"),
    )
    yield lines(
        "Consumer lag",
        "How old what the notifier reads is, by topic.",
        Query(standing("geowithhold_consumer_lag_seconds", "topic"), "{{topic}}"),
        unit="s",
    )
    yield lines(
        "Version holes",
        f"Times that something was found missing, or came again with other content, within {EACH_POINT} before each point.",
        Query(grown("geowithhold_version_holes_total", EACH_POINT), "versions missing"),
        Query(grown("geowithhold_revision_holes_total", EACH_POINT), "revisions missing"),
        Query(grown("geowithhold_contradictions_total", EACH_POINT), "contradictions"),
    )
    yield from _deliveries()
    yield from _http()


def _deliveries() -> Iterator[Panel]:
    yield lines(
        "Deliveries to subscribers",
        f"Tries by what came of them, within {EACH_POINT} before each point. Dead: given up until somebody asks for it again.",
        Query(grown("geowithhold_deliveries_total", EACH_POINT, "channel", "outcome"), "{{channel}}, {{outcome}}"),
    )
    yield lines(
        "Deliveries that wait",
        "Events that some subscriber has not been told of yet.",
        Query(standing("geowithhold_deliveries_waiting"), "waiting"),
    )


def _pipeline_figures() -> Iterator[Panel]:
    yield figure(
        "Outbox unpublished",
        "Events that wait for Kafka now.",
        standing("geowithhold_outbox_unpublished"),
    )
    yield figure(
        "Outbox oldest age",
        "Above 30 s the relay, or Kafka, needs attention.",
        standing("geowithhold_outbox_oldest_seconds"),
        unit="s",
        red_from=30,
    )
    yield figure(
        "Quarantined",
        "Records that could not be understood. They are kept with their bytes, and somebody has to look at them.",
        standing("geowithhold_quarantined"),
        red_from=1,
    )
    yield figure(
        "Incomplete histories",
        "Keys and directives of which something is missing now. It is fetched from the blocklist.",
        standing("geowithhold_incomplete_histories"),
        red_from=1,
    )


def _http() -> Iterator[Panel]:
    yield lines(
        "HTTP requests",
        "Requests answered each second, by route. Probes and scrapes are left out.",
        Query(per_second(REQUESTS, "method", "route"), "{{method}} {{route}}"),
        unit="reqps",
        width=8,
    )
    yield lines(
        "HTTP errors",
        f"Requests refused (4xx) or failed (5xx), by route, within {EACH_POINT} before each point.",
        Query(grown(HTTP_ERRORS, EACH_POINT, "status", "method", "route"), "{{status}} {{method}} {{route}}"),
        width=8,
    )
    yield lines(
        "HTTP time to answer, p99",
        "Of the requests to each route, one in a hundred took longer.",
        Query(quantile(0.99, REQUEST_TIMES, "method", "route"), "{{method}} {{route}}"),
        unit="s",
        width=8,
    )


def of_blocklist(expr: str) -> str:
    return or_zero(expr, reporting="geowithhold_withheld_keys")


def of_notifier(expr: str) -> str:
    return or_zero(expr, reporting="geowithhold_quarantined")


def _jurisdictions() -> dashboard.QueryVariable:
    """Every jurisdiction that any metric knows: one where nothing is withheld any more is still worth choosing."""
    return (
        dashboard.QueryVariable("jurisdiction")
        .label("Jurisdiction")
        .datasource(DATASOURCE)
        .query('label_values({__name__=~"geowithhold_.+", jurisdiction!=""}, jurisdiction)')
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)  # noqa: FBT003 (the builder takes it so)
        .include_all(True)  # noqa: FBT003 (the builder takes it so)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all", selected=True))
    )
