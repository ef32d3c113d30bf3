"""Every name in a campaign root, once.

Names are relative to the root, as `storage.base.Storage` takes them. docs/reference/contracts.md
describes what each file holds.
"""

from __future__ import annotations

import re

LEDGER = "ledger"
LABELS = "labels"
MODELS = "models"
INBOX = "inbox"  # exports that wait to be ingested
REJECTED = "rejected"
SOURCE = "source"  # the generated data set, if the recipe asks for one
ERROR_SUFFIX = ".error.json"  # of the files of a cycle's work that say why a step failed
CAMPAIGN_PAGE = "campaign.html"  # rewritten at every close
LOGS = "logs"  # what the steps print
RECORDS, WORK = "records", "work"
QUERIES, CYCLES = "queries", "cycles"
REPORTS, RELABEL = "reports", "relabel"
WHY_PAGE = "why.html"  # beside the tasks of a query

# Exists from the closing of a cycle until MLflow has everything of it.
MLFLOW_IS_BEHIND = f"{CYCLES}/mlflow_is_behind"
# Exists from the closing of a cycle until people were told of it; it holds the fencing number.
NOT_TOLD = f"{CYCLES}/not_told"

# What a campaign is apart from its events. The inbox holds files of people.
FOLDERS = (LABELS, MODELS, REJECTED, SOURCE, LOGS, RECORDS, WORK, QUERIES, CYCLES, REPORTS, RELABEL)


def run_logs(owner: str) -> str:
    """Return the folder of the logs of a run on a cluster."""
    return f"{LOGS}/{re.sub('[^A-Za-z0-9_-]', '-', owner)[:100]}"


def step_log(owner: str, step: str) -> str:
    """Return the name of what a step of a run on a cluster printed."""
    return f"{run_logs(owner)}/{step}.log"


def event_name(number: int) -> str:
    """Return the name of an event: `ledger/000012.json`."""
    return f"{LEDGER}/{number:06d}.json"


def label_blob(image_id: str, sha256: str) -> str:
    """Return the name of an accepted label map."""
    return f"{LABELS}/{image_id}/{sha256}.png"


def records_folder(fingerprint: str) -> str:
    """Return the folder of the records of one state of the source."""
    return f"{RECORDS}/{fingerprint}"


def model_folder(model: str) -> str:
    """Return the folder of a model."""
    return f"{MODELS}/{model}"


def generator_file(model: str) -> str:
    """Return the name of a model's generator."""
    return f"{model_folder(model)}/generator.keras"


def rejected_folder(sha256: str) -> str:
    """Return the folder of a rejected export and its reason."""
    return f"{REJECTED}/{sha256}"


def query_folder(cycle: int) -> str:
    """Return the folder of a cycle's annotation tasks."""
    return f"{QUERIES}/{cycle}"


def query_page(cycle: int) -> str:
    """Return the name of the HTML page that says why each image was asked for."""
    return f"{query_folder(cycle)}/{WHY_PAGE}"


def pool_sample(cycle: int) -> str:
    """Return the name of what a cycle's model predicts for a few images of the pool."""
    return f"{cycle_folder(cycle)}/pool_sample.npz"


def shown_predictions(cycle: int) -> str:
    """Return the folder of the predictions that a cycle's tasks show to annotators."""
    return f"{query_folder(cycle)}/predictions"


def cycle_folder(cycle: int) -> str:
    """Return the folder of what a closed cycle leaves: reports, figures, pictures."""
    return f"{CYCLES}/{cycle}"


def cycle_report(cycle: int) -> str:
    """Return the name of a cycle's numbers: the truth about them."""
    return f"{cycle_folder(cycle)}/report.json"


def evaluation_page(cycle: int) -> str:
    """Return the name of the HTML report on a cycle's model."""
    return f"{cycle_folder(cycle)}/report.html"


def labels_page(cycle: int) -> str:
    """Return the name of the HTML report on the labels that a cycle ingested."""
    return f"{cycle_folder(cycle)}/feedback.html"


def watched_folder(cycle: int) -> str:
    """Return the folder of the pictures that every cycle draws of the same images of `val`."""
    return f"{cycle_folder(cycle)}/watched"


def training_log(cycle: int) -> str:
    """Return the name of the metrics of a cycle's fit, by step."""
    return f"{cycle_folder(cycle)}/training.json"


def score_report(split: str, model: str) -> str:
    """Return the name, without its ending, of what `streetloop evaluate` writes."""
    return f"{REPORTS}/{split}-{model[:12]}"


def labels_check() -> str:
    """Return the name, without its ending, of what `streetloop labels check` writes."""
    return f"{REPORTS}/labels"


def relabel_folder(version: int) -> str:
    """Return the folder of the tasks that send labels back: `version` is the ledger's last event."""
    return f"{RELABEL}/{version}"


def work_folder(cycle: int) -> str:
    """Return the folder of an open cycle's intermediate files; it is deleted at the close."""
    return f"{WORK}/{cycle}"


def done_marker(cycle: int, step: str) -> str:
    """Return the name of the file that says that a step is done."""
    return f"{work_folder(cycle)}/{step}.done.json"


def error_marker(cycle: int, step: str) -> str:
    """Return the name of the file that says why a step failed."""
    return f"{work_folder(cycle)}/{step}{ERROR_SUFFIX}"


def split_folder(cycle: int) -> str:
    """Return the folder of a cycle's labeled records and unlabeled ids."""
    return f"{work_folder(cycle)}/split"


def checkpoint(cycle: int, digest: str) -> str:
    """Return the name of the state of an interrupted fit with these inputs (sha256)."""
    return f"{work_folder(cycle)}/checkpoint/{digest[:16]}.npz"


def look_task(shard: int) -> str:
    """Return the name, in markers and logs, of the task that looks at one part of the pool."""
    return f"look-{shard}"


def seen_facts(cycle: int, digest: str) -> str:
    """Return the name of what a model says of a part of the pool, with these inputs (sha256)."""
    return f"{work_folder(cycle)}/look/{digest[:16]}.facts.npz"


def seen_sample(cycle: int, digest: str) -> str:
    """Return the name of its predictions for a few images of that part."""
    return f"{work_folder(cycle)}/look/{digest[:16]}.sample.npz"


def labels_report(cycle: int) -> str:
    """Return the name of the numbers behind `labels_page`."""
    return f"{work_folder(cycle)}/feedback.json"
