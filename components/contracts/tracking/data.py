"""The data set of a campaign, as an input of its MLflow run."""

from __future__ import annotations

from pathlib import PurePosixPath

from components.contracts.recipe.data import DataSettings
from components.contracts.tracking.client import Tracker


def log_campaign_data(
    tracker: Tracker, run_id: str | None, data: DataSettings, records: str
) -> None:
    """Log what the campaign learns from; data that has changed since becomes a second input.

    Args:
      tracker: the campaign's MLflow.
      run_id: the campaign's run.
      data: the recipe's settings of the data.
      records: the folder of its records.
    """
    name, place = data_name(data), data.source or records
    tracker.log_dataset(run_id, name, fingerprint_of(records), place, "campaign")


def fingerprint_of(records: str) -> str:
    """Return the fingerprint of the source by which the folder of its records is named."""
    return records.rpartition("/")[2]


def data_name(data: DataSettings) -> str:
    """Return what people call the data set: the last part of its path."""
    if data.source is None:
        return "synthetic"
    return PurePosixPath(data.source.rstrip("/")).name.removesuffix(".zip") or "data"
