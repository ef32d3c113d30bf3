"""Rank the labels of a campaign by how probably they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from components.contracts.data.records import Records
from components.contracts.ledger import layout
from components.contracts.ledger.labels import read_parts
from components.contracts.ledger.state import State
from components.contracts.process.errors import StreetloopError
from components.contracts.process.quiet import import_tensorflow
from components.contracts.recipe.recipe import Recipe
from components.contracts.step.context import Context, set_environment
from components.query.originals import Originals
from components.query.tasks import Task, write_tasks
from pipelines.labels.judges import Case, cases_of
from pipelines.labels.look import Looker
from pipelines.labels.measure import Rule, Statistics, quality
from pipelines.labels.page import check_page, draw
from pipelines.labels.report import CheckedLabel, LabelsCheck
from pipelines.labels.words import reason_of
from tfds_cityscapes.labels import CLASS_NAMES

Track = Callable[[Sequence[Case], str], Iterable[Case]]  # shows the progress of a loop


class Written(NamedTuple):
    """What a check found, the URI of the campaign root, and that of the page."""

    found: LabelsCheck
    root: str
    page: str


def check_labels(recipe: Recipe, root: str, pictures: int, ask: int, track: Track) -> Written:
    """Judge every label, and write the report and the annotation tasks.

    Args:
      recipe: the campaign's.
      root: the campaign root.
      pictures: how many label maps the page draws.
      ask: for how many images to write annotation tasks.
      track: shows the progress.

    Raises:
      StreetloopError: there is no label, or no champion to judge.
    """
    set_environment()
    context = Context(recipe.resolved(), root)
    state = context.ledger.state()
    storage = context.storage
    if not state.labels:
        raise StreetloopError(f"No label in {storage.uri} yet. Hand some in, and run a cycle.")
    cases, folder = cases_of(state), state.newest_records
    if not cases or folder is None:
        raise StreetloopError(f"No model in {storage.uri} can judge labels. Run a cycle first.")
    import_tensorflow()
    records = Records(storage.local_dir(folder))
    known = [case for case in cases if case.image_id in records]
    looker = Looker(storage, records, context.predictor)
    found, rule = _judge(looker, known, track)
    found = found.model_copy(
        update={
            "version": state.version,
            "without_record": sorted(c.image_id for c in cases if c.image_id not in records),
        }
    )
    if ask:
        # What people answer for a probe is no label.
        asked = [r for r in found.images if r.regions and r.image_id not in state.probes][:ask]
        found = found.model_copy(update={"tasks": _ask(context, records, asked, state)})
    case_of = {case.image_id: case for case in known}
    shown = []
    for row in found.images[:pictures]:
        if row.regions:
            judged = looker.judged(case_of[row.image_id])
            image = records.read(row.image_id).image
            shown.append(draw(image, judged, rule.suspect(judged), row))
    name = layout.labels_check()
    storage.write(f"{name}.json", found.model_dump_json(indent=1).encode())
    storage.write(f"{name}.html", check_page(recipe.name, found, shown).encode())
    return Written(found, storage.uri, f"{storage.uri}/{name}.html")


def _judge(looker: Looker, cases: Sequence[Case], track: Track) -> tuple[LabelsCheck, Rule]:
    """Look at every label twice: for the thresholds, and then for the suspect pixels."""
    qualities = {}
    statistics = Statistics()
    for case in track(cases, "learn what the models are sure of"):
        judged = looker.judged(case)
        statistics.add(judged)
        qualities[case.image_id] = quality(judged)
    rule = statistics.rule()
    rows = [
        looker.check(case, rule, qualities[case.image_id])
        for case in track(cases, "look for suspect regions")
    ]
    rows.sort(key=lambda row: (row.quality, row.image_id))
    pixels = statistics.pixels
    found = LabelsCheck(
        version=0,
        expected_wrong=rule.expected / max(1, int(pixels.sum())),
        thresholds={
            name: float(rule.thresholds[i]) if pixels[i] else None
            for i, name in enumerate(CLASS_NAMES)
        },
        without_record=[],
        images=rows,
    )
    return found, rule


def _ask(context: Context, records: Records, rows: Sequence[CheckedLabel], state: State) -> str:
    """Write annotation tasks that show the labels as they are; return their folder."""
    parts = state.label_parts
    chosen = [
        # Nothing but the labeled regions of an image can be corrected.
        Task(
            *(row.image_id, reason_of(row)),
            state.labeled_area(row.image_id) if state.is_partial(row.image_id) else (),
        )
        for row in rows
    ]
    originals = Originals(context.recipe.data, context.recipe.seed, context.storage)
    prefix = layout.relabel_folder(state.version)
    context.storage.delete_prefix(prefix)
    with context.writing(prefix) as folder:
        write_tasks(
            folder,
            chosen,
            records,
            lambda record: read_parts(context.storage, parts[record.image_id]),
            originals.image_of,
        )
    return prefix
