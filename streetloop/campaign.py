"""Run a campaign, read its state, and score its champion."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from components.contracts.process.uri import user_path
from components.contracts.scores.report import SplitScores
from pipelines.campaign.status import CampaignStatus
from pipelines.options import Chosen
from streetloop.figures import keeping_figures

if TYPE_CHECKING:
    from components.contracts.recipe.recipe import Recipe

Place = str | os.PathLike[str]


@keeping_figures
def run(
    recipe: Place,
    *,
    root: Place | None = None,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
) -> CampaignStatus:
    """Run cycles until the campaign is complete, or waits for people.

    An existing campaign continues. In a notebook, a bar shows the progress of the running step;
    interrupting the cell stops the run, and calling this again resumes it.

    Args:
      recipe: the YAML file.
      root: the campaign root; None: runs/<name of the campaign>.
      data: the data set, in place of the recipe's.
      settings: changes to the recipe by dotted key, such as {"query.query_size": 4}.

    Returns:
      The state of the campaign at the end.

    Raises:
      StreetloopError: the recipe is wrong, or a step failed; the message is the step's own.
      KeyboardInterrupt: the run was interrupted.
    """
    from pipelines.local.campaign import run_campaign

    chosen = _chosen(recipe, root, data, settings)
    found, place = chosen.open()
    if run_campaign(found, place, chosen.arguments(found, place)):
        raise KeyboardInterrupt
    return _status(found, place)


def status(
    recipe: Place,
    *,
    root: Place | None = None,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
) -> CampaignStatus:
    """Read the state of a campaign, and what it waits for; the arguments are those of `run`.

    Raises:
      StreetloopError: the recipe is wrong, or there is no campaign.
    """
    from pipelines.options import open_campaign

    found, place = open_recipe(recipe, root, data, settings)
    open_campaign(place)
    return _status(found, place)


@keeping_figures
def evaluate(
    recipe: Place,
    split: Literal["dev", "val", "test"] = "val",
    *,
    root: Place | None = None,
    data: Place | None = None,
    settings: Mapping[str, Any] | None = None,
) -> SplitScores:
    """Score the champion of a campaign on a split; the other arguments are those of `run`.

    Returns:
      The scores, as fractions; reports/<split>-<model>.html in the campaign root shows them.

    Raises:
      StreetloopError: there is no champion, or the split has no labeled image.
    """
    from pipelines.campaign.champion import score_champion

    return score_champion(*open_recipe(recipe, root, data, settings), split).scores


def open_recipe(
    recipe: Place,
    root: Place | None,
    data: Place | None,
    settings: Mapping[str, Any] | None,
    suffix: str = "",
) -> tuple[Recipe, str]:
    """Read a recipe as the functions take it, and return it with the root; see `Chosen.open`."""
    return _chosen(recipe, root, data, settings).open(suffix=suffix)


def _chosen(
    recipe: Place, root: Place | None, data: Place | None, settings: Mapping[str, Any] | None
) -> Chosen:
    changes = tuple(
        f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in (settings or {}).items()
    )
    return Chosen(
        user_path(os.fspath(recipe)),
        None if root is None else os.fspath(root),
        changes,
        None if data is None else os.fspath(data),
    )


def _status(recipe: Recipe, root: str) -> CampaignStatus:
    from components.contracts.storage.open import open_storage
    from pipelines.campaign.status import read_status

    return read_status(recipe, open_storage(root))
