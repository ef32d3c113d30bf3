"""Where a campaign stands, read from its ledger and reports alone."""

from __future__ import annotations

from typing import Literal

from components.contracts.forecast.forecast import Forecast, forecast_of
from components.contracts.forecast.stability import Stability
from components.contracts.ledger.complete import is_complete
from components.contracts.ledger.events import Outcome
from components.contracts.ledger.inbox import arrived
from components.contracts.ledger.layout import INBOX, query_folder
from components.contracts.ledger.ledger import Ledger
from components.contracts.ledger.state import CycleState, State
from components.contracts.ledger.units import labeled_units, waiting_units
from components.contracts.recipe.recipe import Recipe
from components.contracts.scores.drift import Drift
from components.contracts.scores.report import Baseline, Count, Fraction, Stored
from components.contracts.step.report import CycleReport, report_of
from components.contracts.storage.base import Storage


class CycleRow(Stored):
    """One cycle; the scores are those of its own model on `val`.

    Attributes:
      labeled, unlabeled, queried: images.
      labeled_regions, queried_regions: regions; null if whole images are asked for.
      labeled_area: of the labeled regions, in whole images; null if whole images are asked for.
      promoted: whether its model became the champion.
      seconds: wall time of its steps; null while it is open.
    """

    cycle: Count
    outcome: Outcome | Literal["open"]
    labeled: Count
    unlabeled: Count | None
    queried: Count | None
    labeled_regions: Count | None = None
    queried_regions: Count | None = None
    labeled_area: float | None = None
    miou: Fraction | None
    pixel_accuracy: Fraction | None
    dice: Fraction | None
    promoted: bool | None
    seconds: float | None


class ChampionRow(Stored):
    """The best model, and the cycle that trained it."""

    model: str
    cycle: Count


class Waiting(Stored):
    """What the campaign waits for.

    Attributes:
      images: the ids of images that people are asked for and that are not answered.
      regions: how many regions of them; null if the campaign asks for whole images.
      where: the newest folder of annotation tasks.
      folders: all folders with tasks that are not all answered, the newest last.
      inbox: files in the inbox.
      new_labels: labeled images that no model has seen.
      min_new_labels: how many of them a cycle needs to train.
    """

    images: list[str]
    regions: Count | None = None
    where: str | None
    folders: list[str]
    inbox: Count
    new_labels: Count
    min_new_labels: Count


class DriftRow(Drift):
    """A query's measure of the drift, and its cycle."""

    cycle: Count


class CampaignStatus(Stored):
    """What `streetloop status --json` prints: fractions, not percent; null where undefined.

    Attributes:
      name: of the campaign.
      root: the campaign root's URI.
      complete: whether there is nothing left to do.
      labeled: images with a label.
      labeled_regions: regions with a label; null if the campaign asks for whole images.
      cycles: in order.
      baseline: the scores of predicting the most frequent class.
      champion: null before the first promotion.
      drift: the pool against the labeled images, as the newest query that looked at both saw them.
      forecast: how many more labels the target takes; null before the first trained cycle.
      stability: how far the newest model agrees with the one before; null without a comparison.
    """

    name: str
    root: str
    complete: bool
    labeled: Count
    labeled_regions: Count | None = None
    cycles: list[CycleRow]
    baseline: Baseline | None
    champion: ChampionRow | None
    waiting: Waiting
    drift: DriftRow | None = None
    forecast: Forecast | None = None
    stability: Stability | None = None

    @property
    def trained(self) -> list[CycleRow]:
        """The cycles that trained a model, in order."""
        return [row for row in self.cycles if row.outcome == "done"]


def read_status(recipe: Recipe, storage: Storage) -> CampaignStatus:
    """Read the state of the campaign in this storage."""
    state = Ledger(storage).state()
    folders = [query_folder(cycle) for cycle in state.asking_cycles]
    champion = state.champion
    newest = _newest_report(state, storage)
    return CampaignStatus(
        name=recipe.name,
        root=storage.uri,
        complete=is_complete(state, recipe),
        labeled=len(state.labels),
        labeled_regions=labeled_units(state, recipe.query) if recipe.query.grid else None,
        cycles=[_row(state, cycle) for _, cycle in sorted(state.cycles.items())],
        baseline=newest.baseline if newest else None,
        champion=ChampionRow(model=champion.model, cycle=champion.cycle) if champion else None,
        waiting=Waiting(
            images=sorted(state.outstanding),
            regions=waiting_units(state, recipe.query) if recipe.query.grid else None,
            where=folders[-1] if folders else None,
            folders=folders,
            inbox=len(arrived(storage.list(INBOX))),
            new_labels=len(state.new_labels),
            min_new_labels=recipe.feedback.min_new_labels,
        ),
        drift=_drift(state, storage),
        forecast=forecast_of(state.learning_curve, recipe.cycle.target_miou),
        stability=newest.stability if newest else None,
    )


def _row(state: State, cycle: CycleState) -> CycleRow:
    summary = cycle.summary
    values = summary.model_dump(include=CycleRow.model_fields.keys() - {"labeled"})
    labeled = len(state.labels) if summary.labeled is None else summary.labeled
    outcome = cycle.outcome or "open"
    return CycleRow(cycle=cycle.cycle, outcome=outcome, labeled=labeled, **values)


def _drift(state: State, storage: Storage) -> DriftRow | None:
    for _, cycle in sorted(state.cycles.items(), reverse=True):
        report = report_of(storage, cycle)
        if report and report.drift:
            return DriftRow(cycle=cycle.cycle, **report.drift.model_dump())
    return None


def _newest_report(state: State, storage: Storage) -> CycleReport | None:
    reports = (report_of(storage, cycle) for cycle in reversed(state.trained))
    return next((report for report in reports if report), None)
