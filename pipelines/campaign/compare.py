"""Compare campaigns side by side, from their ledgers and reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from components.contracts.ledger.ledger import Ledger
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.tracking import store_uri
from components.contracts.scores.report import HEADLINES
from components.contracts.step.context import set_environment
from components.contracts.storage.open import open_storage
from components.contracts.tracking.client import Tracker
from components.contracts.tracking.view import comparison, curves_page, open_page
from pipelines.campaign.display import percent
from pipelines.campaign.mlflow_page import server_of
from pipelines.campaign.status import CycleRow, read_status
from pipelines.console import make_console, program

_SHARES = (0.9, 0.95)  # of the best mIoU of all campaigns, for the labels that each needed


@dataclass(frozen=True)
class Campaign:
    """The trained cycles of one campaign, in order."""

    title: str
    root: str
    cycles: list[CycleRow]
    run_id: str | None
    tracking: str
    experiment: str


def read(recipe: Recipe, root: str) -> Campaign:
    """Read a campaign; StreetloopError if no cycle has trained yet."""
    storage = open_storage(root)
    cycles = read_status(recipe, storage).trained
    if not cycles:
        raise StreetloopError(
            f"No trained cycle in {storage.uri} yet. Run one with `streetloop run`."
        )
    cycles = [_in_images(row) for row in cycles]
    state = Ledger(storage).state()
    strategy = state.recipe.get("query", {}).get("strategy", "")
    title = f"{state.name} ({strategy}, seed {state.recipe.get('seed')})"
    uri = store_uri(recipe.tracking, root)
    experiment = recipe.tracking.experiment
    return Campaign(title, root, cycles, state.campaign_run_id, uri, experiment)


def _in_images(row: CycleRow) -> CycleRow:
    """Count labels by their area, as many pixels as so many whole images: campaigns ask for either."""
    if row.labeled_area is None:
        return row
    return row.model_copy(update={"labeled": round(row.labeled_area)})


def labels_needed(campaign: Campaign, miou: float) -> int | None:
    """Return the fewest labels with which a cycle's own model reached this mIoU; None if none did."""
    reached = [c.labeled for c in campaign.cycles if c.miou is not None and c.miou >= miou]
    return min(reached, default=None)


def table_of(campaigns: list[Campaign]) -> Table:
    """Return one line per cycle, then the labels that each campaign needed for a share of the best."""
    table = Table(title="Each cycle's own model on val (%)", title_justify="left")
    table.add_column("campaign")
    for name in ("cycle", "labeled", *HEADLINES.values()):
        table.add_column(name, justify="right")
    known = [c.miou for campaign in campaigns for c in campaign.cycles if c.miou is not None]
    best = max(known, default=0.0)
    for campaign in campaigns:
        for index, cycle in enumerate(campaign.cycles):
            scores = [percent(getattr(cycle, name)) for name in HEADLINES]
            title = campaign.title if index == 0 else ""
            table.add_row(title, str(cycle.cycle), str(cycle.labeled), *scores)
        for share in _SHARES:
            needed = labels_needed(campaign, share * best)
            words = f"{100 * share:.0f} % of the best mIoU"
            table.add_row(words, "", "not reached" if needed is None else str(needed), style="dim")
        table.add_section()
    return table


def mlflow_url(campaigns: list[Campaign]) -> str | None:
    """Return the MLflow page with the same learning curves; None if there is no shared store.

    The view that it opens is saved in the store.
    """
    stores = {c.tracking for c in campaigns}
    titles = {c.run_id: c.title for c in campaigns if c.run_id is not None}
    if len(stores) != 1 or any(c.run_id is None for c in campaigns):
        return None
    (store,) = stores
    set_environment()
    trackers = [Tracker(store, name) for name in sorted({c.experiment for c in campaigns})]
    if len(trackers) == 1:
        return open_page(server_of(store), trackers[0], comparison(titles))
    ids = [found for tracker in trackers if (found := tracker.check()) is not None]
    return curves_page(server_of(store), ids, list(titles))


def compare(chosen: list[tuple[Recipe, str]], output: Path, first: str) -> None:
    """Print campaigns side by side, draw their learning curves, and print where MLflow shows them.

    Args:
      chosen: the recipes and roots.
      output: the picture.
      first: the arguments that find the first campaign again, for hints.

    Raises:
      StreetloopError: a campaign has no trained cycle.
    """
    from components.evaluate.report.learning_curve import learning_curve_figure

    campaigns = [read(recipe, root) for recipe, root in chosen]
    console = make_console()
    console.print(table_of(campaigns))
    titles = [c.title for c in campaigns]
    curves = {}
    for campaign in campaigns:
        shared = titles.count(campaign.title) > 1
        name = f"{campaign.title}, {Path(campaign.root).name}" if shared else campaign.title
        points = [(c.labeled, c.miou) for c in campaign.cycles if c.miou is not None]
        curves[name] = points
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(learning_curve_figure(curves, ylabel="mIoU on val (%)"))
    console.print(f"Curves:   {output}")
    url = mlflow_url(campaigns)
    if url is None:
        console.print(
            "MLflow:   the campaigns do not share a store. Give them the same tracking.uri."
        )
        return
    # A store that is a file has no address until `streetloop ui` serves it.
    if not campaigns[0].tracking.startswith("http"):
        console.print(f"Serve it: {program()} ui {first}")
    console.print(f"MLflow:   {url}")
