"""What the page of a campaign shows, read from its ledger, reports and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.contracts.forecast.forecast import Forecast, forecast_of
from components.contracts.ledger import layout
from components.contracts.ledger.events import Query, QueryItem
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import CycleState, State
from components.contracts.process.words import counted
from components.contracts.scores.report import HEADLINES
from components.contracts.step.report import CycleReport, report_of
from components.contracts.storage.base import Storage
from components.cycle.campaign_page.charts import Chart, axis_top, chart
from tfds_cityscapes.labels import CLASS_NAMES

_MOST_COLUMNS = 8  # cycles of one watched image: the first, and the newest
_LARGE, _SMALL = (720, 320), (250, 130)


@dataclass(frozen=True)
class CycleRow:
    """One cycle in the table.

    Attributes:
      kappa: agreement of its model with the one before on the pool; empty without a comparison.
      report: the name of its HTML report, if it has one.
    """

    cycle: int
    outcome: str
    labeled: int | None
    miou: float | None
    pixel_accuracy: float | None
    dice: float | None
    kappa: str
    promoted: str
    seconds: str
    report: str | None


@dataclass(frozen=True)
class Request:
    """What one cycle asked for, and why; `page` is the name of the page with pictures, if it has one."""

    cycle: int
    page: str | None
    strategy: str
    items: Sequence[QueryItem]


@dataclass(frozen=True)
class View:
    """One picture of a watched image."""

    caption: str
    png: bytes


@dataclass(frozen=True)
class Watched:
    """One image across the cycles."""

    image_id: str
    views: Sequence[View]


@dataclass(frozen=True)
class CampaignPage:
    """The page: one campaign from its beginning until now."""

    title: str
    facts: Mapping[str, str]
    curve: Chart
    advice: Sequence[str]
    classes: Sequence[Chart]
    drift: Chart | None
    drift_words: str
    cycles: Sequence[CycleRow]
    annotators: Mapping[str, int]
    unit: str
    watched: Sequence[Watched]
    requests: Sequence[Request]


def contents(ledger: Ledger, storage: Storage) -> CampaignPage:
    """Read what the page shows."""
    state = ledger.state()
    reports = [report for cycle in state.trained if (report := report_of(storage, cycle))]
    champion = state.champion
    last = state.last_cycle
    forecast, newest = _forecast(state), reports[-1] if reports else None
    kappas = {r.cycle: f"{r.stability.kappa:.3f}" for r in reports if r.stability}
    return CampaignPage(
        title=state.name,
        facts={
            "cycles": str(len(state.cycles)),
            "labeled images": str(len(state.labels)),
            **_regions(newest),
            "waiting for": counted(len(state.outstanding), "image"),
            "champion": f"cycle {champion.cycle}" if champion else "none",
            "last change": (last.closed_at or last.opened_at)[:16].replace("T", " ") + " UTC"
            if last
            else "never",
        },
        unit="regions" if newest and newest.regions else "images",
        curve=_curve(reports, forecast),
        advice=[one.words for one in (forecast, newest and newest.stability) if one],
        classes=_classes(reports),
        drift=_drift(reports),
        drift_words=next((r.drift.words for r in reversed(reports) if r.drift), ""),
        cycles=[
            _row(cycle, storage, kappas.get(cycle.cycle, ""))
            for _, cycle in sorted(state.cycles.items())
        ],
        annotators=dict(Counter(v.annotator for v in state.current_labels.values()).most_common()),
        watched=_watched(sorted(r.cycle for r in reports), storage),
        requests=[
            _request(event.payload, storage)
            for event in ledger.events()
            if isinstance(event.payload, Query) and event.payload.items
        ],
    )


def _regions(newest: CycleReport | None) -> dict[str, str]:
    """Return the labeled regions of the newest trained cycle, if the campaign asks for regions."""
    if newest is None or newest.regions is None:
        return {}
    share = newest.regions.share
    words = "" if share is None else f" ({100 * share:.1f} % of the pool)"
    return {"labeled regions": f"{newest.regions.labeled}{words}"}


def _forecast(state: State) -> Forecast | None:
    target = state.recipe.get("cycle", {}).get("target_miou")  # older recipes have none
    return forecast_of(state.learning_curve, target)


def _curve(reports: Sequence[CycleReport], forecast: Forecast | None) -> Chart:
    curves = {
        name: [
            (report.labels, value)
            for report in reports
            if report.val and (value := getattr(report.val, key)) is not None
        ]
        for key, name in HEADLINES.items()
    }
    base = reports[-1].baseline if reports else None
    level = None if base is None else base.miou
    band = [(one.labels, one.low, one.high) for one in forecast.band] if forecast else []
    return chart("Each cycle's own model on val (%)", curves, _LARGE, 1.0, level, band)


def _classes(reports: Sequence[CycleReport]) -> list[Chart]:
    """Lay out the IoU of each class that occurs in the labels of `val`, all to one scale."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for report in reports:
        for name in CLASS_NAMES:
            row = report.val.classes.get(name) if report.val else None
            if row is not None and row.pixels and row.iou is not None:
                curves.setdefault(name, []).append((report.labels, row.iou))
    top = axis_top([value for points in curves.values() for _, value in points])
    return [
        chart(name, {"IoU": curves[name]}, _SMALL, top) for name in CLASS_NAMES if name in curves
    ]


def _drift(reports: Sequence[CycleReport]) -> Chart | None:
    """Lay out how far the pool was from the labeled images in each cycle whose query looked at both."""
    seen = [(r.labels, r.drift) for r in reports if r.drift]
    if not seen:
        return None
    curves = {
        "embedding distance": [(labels, drift.embedding) for labels, drift in seen],
        "divergence of class shares": [(labels, drift.classes) for labels, drift in seen],
    }
    values = [value for points in curves.values() for _, value in points]
    return chart("The pool against the labeled images (%)", curves, _LARGE, axis_top(values))


def _row(cycle: CycleState, storage: Storage, kappa: str) -> CycleRow:
    summary = cycle.summary
    page = layout.evaluation_page(cycle.cycle)
    return CycleRow(
        cycle=cycle.cycle,
        outcome=(cycle.outcome or "open").replace("_", " "),
        labeled=summary.labeled,
        miou=summary.miou,
        pixel_accuracy=summary.pixel_accuracy,
        dice=summary.dice,
        kappa=kappa,
        promoted="became champion" if summary.promoted else "",
        seconds="" if summary.seconds is None else f"{summary.seconds:.0f}",
        report=page if cycle.outcome == "done" and storage.exists(page) else None,
    )


def _request(query: Query, storage: Storage) -> Request:
    page = layout.query_page(query.cycle)
    return Request(query.cycle, page if storage.exists(page) else None, query.strategy, query.items)


def _watched(cycles: Sequence[int], storage: Storage) -> list[Watched]:
    """Read the watched images: the labels, then the prediction of each cycle's model."""
    shown = cycles if len(cycles) <= _MOST_COLUMNS else [cycles[0], *cycles[1 - _MOST_COLUMNS :]]
    names = {cycle: storage.list(layout.watched_folder(cycle)) for cycle in shown}
    views: dict[str, list[View]] = {}
    for cycle in reversed(shown):  # the newest one has the labels as they are now
        folder = layout.watched_folder(cycle)
        for name in names[cycle]:
            image_id, _, kind = name.removeprefix(f"{folder}/").rpartition("/")
            if kind == "labels.png":
                views.setdefault(image_id, [View("labels", storage.read(name))])
    for cycle in shown:
        folder = layout.watched_folder(cycle)
        for image_id, row in views.items():
            if (name := f"{folder}/{image_id}/prediction.png") in names[cycle]:
                row.append(View(f"cycle {cycle}", storage.read(name)))
    return [Watched(image_id, row) for image_id, row in sorted(views.items())]
