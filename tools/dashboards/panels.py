"""The three looks of a panel. Each asks the chosen data source, and says in its description what the figure means."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

from tools.dashboards.queries import Query

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")

Panel = stat.Panel | timeseries.Panel | bargauge.Panel


def figure(title: str, about: str, expr: str, *, unit: str = "short", red_from: float | None = None) -> stat.Panel:
    """One number, of now alone: what is not reported any more is no figure. From `red_from` on it is red: somebody has to act."""
    panel = stat.Panel().title(title).description(about).datasource(DATASOURCE).unit(unit).decimals(0)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.color_mode(BigValueColorMode.VALUE).graph_mode(BigValueGraphMode.NONE)
    panel.thresholds(_thresholds(red_from))
    return panel.targets(_targets([Query(expr, "", instant=True)])).height(4).span(6)


def lines(title: str, about: str, *queries: Query, unit: str = "short", width: int = 12) -> timeseries.Panel:
    """The course of each series over the time shown. Never below zero, for none of ours can be."""
    panel = timeseries.Panel().title(title).description(about).datasource(DATASOURCE).unit(unit).min(0)
    panel.fill_opacity(8).line_width(1)
    panel.legend(
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)  # noqa: FBT003 (the builder takes it so)
        .calcs(["lastNotNull", "max"])
    )
    panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    return panel.targets(_targets(queries)).height(9).span(width)


def totals(title: str, about: str, expr: str, legend: str) -> bargauge.Panel:
    """A bar for each series, as long as what the expression says now: a total over the time shown."""
    panel = bargauge.Panel().title(title).description(about).datasource(DATASOURCE).unit("short").decimals(0).min(0)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC)
    panel.thresholds(_thresholds(None))
    return panel.targets(_targets([Query(expr, legend, instant=True)])).height(9).span(8)


def _targets(queries: Sequence[Query]) -> list[Builder[Dataquery]]:
    return [_target(query, ref_id=chr(ord("A") + index)) for index, query in enumerate(queries)]


def _target(query: Query, *, ref_id: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref_id).datasource(DATASOURCE)
    return target.instant() if query.instant else target.range()


def _thresholds(red_from: float | None) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green" if red_from is not None else "blue")]
    if red_from is not None:
        steps.append(Threshold(value=red_from, color="red"))
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
