"""A program for tests: a campaign of the real steps, killed around every durable change.

Only what computes for long is replaced: the fit (a small one that keeps checkpoints), the predictor,
and the figures. MLflow counts as out of reach. Started as its own program, so that it may fork
before any thread exists.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from components.contracts.annotation import label_studio, png_mask
from components.contracts.ledger.layout import CAMPAIGN_PAGE
from components.contracts.ledger.ledger import Ledger
from components.contracts.model.strips import Decision
from components.contracts.process.uri import is_local
from components.contracts.step.plan import Plan
from components.contracts.storage import base as storage_module
from components.contracts.storage.base import Storage
from tests.support.ledger_worker import ended, forked, storage_at

SIZE = (64, 64)
FIGURES = ("class_iou", "confusion", "reliability")
RECIPE = Path(__file__).parents[2] / "pipelines" / "recipes" / "smoke.yaml"
CHANGES = (
    "data.synthetic.images=10",
    "data.synthetic.val=2",
    f"data.synthetic.size=[{SIZE[0]}, {SIZE[1]}]",
    "split.initial=2",
    "split.dev_fraction=0.2",
    "query.query_size=3",
)


class SmallPredictor:
    """Probabilities that follow from the model's file and the image."""

    def __init__(self, generator: bytes, settings: object = None) -> None:
        self.generator = generator
        self._seed = int.from_bytes(hashlib.sha256(generator).digest()[:4])

    def sees_alone(self, size: tuple[int, int]) -> bool:
        return False

    def probabilities(self, image: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        rng = np.random.default_rng([self._seed, int(image.sum())])
        values = rng.random((*(size or image.shape[:2]), 19), np.float32)
        return values / values.sum(-1, keepdims=True)

    def classes(self, image: np.ndarray, size: tuple[int, int] | None = None) -> np.ndarray:
        return self.probabilities(image, size).argmax(-1).astype(np.uint8)

    def decide(self, images: np.ndarray, size: tuple[int, int]) -> Iterator[Decision]:
        for image in images:
            yield Decision(self.classes(image, size), self.probabilities(image, size).max(-1))


class SmallEmbedder:
    """A description that follows from the image alone."""

    def __init__(self, generator: bytes) -> None:
        pass

    def embed(self, image: np.ndarray) -> np.ndarray:
        return image.mean((0, 1), dtype=np.float32)


def small_fit(data: Any, settings: Any, seed: int, checkpoint: Any, start: Any, *_: Any) -> Any:
    """Three steps, each with a checkpoint: their sum tells of every labeled pixel and of the start."""
    state = np.zeros(1)
    variable = SimpleNamespace(assign=lambda value: np.copyto(state, value))
    variable.__array__ = lambda *_, **__: state
    meta = checkpoint.load({"w": [variable]})
    first = meta["step"] if meta else 0
    pixels = sum(int(data.labeled[i][1].astype(int).sum()) for i in range(len(data.labeled)))
    for step in range(first, 3):
        state += (step + 1) * (pixels + (len(start) if start else 0))
        checkpoint.save({"w": [state]}, {"step": step + 1})
    averaged = SimpleNamespace(state=state, count_params=lambda: 1)
    networks = SimpleNamespace(to_save=lambda: (averaged, averaged))
    return SimpleNamespace(
        networks=networks,
        steps=3,
        best_step=3,
        dev_miou=0.5,
        waiting=0.0,
        seconds=0.0,
        precision="float32",
    )


def small_model(folder: Path, generator: Any, discriminator: Any, **about: Any) -> Any:
    """The files of a model, as `save_model` names them."""
    content = generator.state.tobytes()
    model = hashlib.sha256(content).hexdigest()
    files = dict.fromkeys(("generator.keras", "discriminator.keras"), model)
    folder.mkdir()
    for name in files:
        (folder / name).write_bytes(content)
    (folder / "model.json").write_text(json.dumps({"model_id": model, "files": files}))
    return SimpleNamespace(model_id=model)


def replace_what_computes() -> None:
    """Put the small parts in place; import, before the fork, what steps import."""
    import keras

    import components.contracts.model.files as files
    import components.contracts.model.predictor as predictor
    import components.evaluate.step as evaluate
    import components.query.situation as situation
    import components.train.driver as driver
    import components.train.step  # noqa: F401
    from components.contracts.tracking.client import Tracker

    init = Tracker.__init__

    def out_of_reach(self: Tracker, *arguments: Any, **options: Any) -> None:
        init(self, *arguments, **options)
        self.down = True

    Tracker.__init__ = out_of_reach  # type: ignore[method-assign]
    keras.backend.clear_session = lambda: None
    driver.fit = small_fit  # type: ignore[assignment]
    files.save_model = small_model  # type: ignore[assignment]
    files.load_generator = lambda folder: (Path(folder) / files.GENERATOR_FILE).read_bytes()
    predictor.Predictor = SmallPredictor  # type: ignore[assignment,misc]
    situation.Embedder = SmallEmbedder  # type: ignore[assignment,misc]
    evaluate.figures_of = lambda found: dict.fromkeys(FIGURES, b"")  # type: ignore[assignment]
    evaluate.pictures_of = lambda *_: {}  # type: ignore[assignment]


def recipe_of(who: str, source: Path) -> str:
    from components.contracts.recipe.recipe import load

    changes = (*CHANGES, f"feedback.oracle={str(who != 'people').lower()}")
    return load(RECIPE, changes, None if who == "generated" else str(source)).resolved()


def draw(source: Path) -> None:
    """Draws the streets that all campaigns read; those of `generated` draw their own."""
    from tfds_cityscapes.synthetic import generate

    wanted = json.loads(recipe_of("generated", source))["data"]["synthetic"]
    generate(source, seed=1, images=wanted["images"], val=wanted["val"], size=SIZE)


def campaign(root: str, who: str, source: Path) -> None:
    """A campaign of two cycles; run again, it goes on where it stood.

    With people, the first cycle has no label and only asks; the second takes the answers in. They
    work as on a cluster, where a step is tried again by the same run; the others as the local
    command does, where another run takes the cycle over.
    """
    from components.contracts.step.context import Context
    from components.cycle.close import run as close_cycle
    from components.cycle.finish import publish
    from components.cycle.open import run as open_cycle
    from components.evaluate.step import run as evaluate
    from components.feedback.step import run as feedback
    from components.preprocess.step import run as preprocess
    from components.query.step import run as query
    from components.split.step import run as split
    from components.train.step import run as train

    recipe, ledger, people = recipe_of(who, source), Ledger(storage_at(root)), who == "people"
    while len(ledger.state().cycles) < 2 or ledger.state().open_cycle:
        last = ledger.state().last_cycle
        if people and last is not None and last.closed:
            answer(ledger)
        number = 1 if last is None else last.cycle + last.closed
        owner = f"run-{number}" if people else f"run-{os.urandom(4).hex()}"
        at = (recipe, root, *open_cycle(recipe, root, owner, take_over=not people))
        records = preprocess(*at)
        plan = feedback(*at, records).plan
        if plan is Plan.TRAIN:
            parts = split(*at, records).prefix
            model = train(*at, records, parts).model
            evaluate(*at, records, model)
        if plan in (Plan.TRAIN, Plan.ASK):
            query(*at, records)
        close_cycle(recipe, root, owner)
    publish(Context(recipe, root))  # as the command does with a campaign that it finds complete


def answer(ledger: Ledger) -> None:
    """What people hand in: a mask, an export with a skipped task, and a file of another campaign.

    Nobody kills people: the observer does not look. A killed campaign finds it handed in.
    """
    storage, asked = ledger.storage, sorted(ledger.state().outstanding)
    if storage.list("inbox"):
        return
    watching, storage_module.observer = storage_module.observer, None
    maps = [np.full(SIZE, train_id, np.uint8) for train_id in (3, 5)]
    task = label_studio.write_task(asked[1], "x.png", maps[1])
    result = task["predictions"][0]["result"]
    tasks = [
        {"data": {"image_id": asked[1]}, "annotations": [{"completed_by": 1, "result": result}]},
        {"data": {"image_id": asked[2]}, "annotations": [{"was_cancelled": True, "result": []}]},
        {"data": {"image_id": "unknown"}, "annotations": [{"completed_by": 1, "result": result}]},
    ]
    storage.write("inbox/export.json", json.dumps(tasks).encode())
    storage.write(f"inbox/{png_mask.file_name(asked[0])}", png_mask.write(maps[0]))
    storage.write("inbox/stray.txt", b"hello")
    storage_module.observer = watching


def outcome(root: str) -> dict[str, Any]:
    """What must not depend on kills: all but owners, fences, times and the ledger's version."""
    storage = storage_at(root)
    ledger = Ledger(storage)
    state = ledger.state()
    taken = Counter(
        f"{label.image_id} {label.sha256}"
        for event in ledger.events()
        if event.kind == "labels_accepted"
        for label in event.payload.labels
    )
    passing = ("open/", "release/")
    return {
        "labels": {i: [(v.sha256, v.annotator) for v in vs] for i, vs in state.labels.items()},
        "taken": dict(taken),
        "outstanding": sorted(state.outstanding),
        "skipped": sorted(state.skipped),
        "champions": [c.model for c in state.champions],
        "cycles": [
            [c.cycle, c.outcome, lasting(c.summary.model_dump())] for c in state.cycles.values()
        ],
        "keys": sorted(key for key in state.keys if not key.startswith(passing)),
        "files": {
            unnamed(name): content(storage, name)
            for name in storage.list()
            if not name.startswith("ledger/")
        },
        "problems": ledger.verify(),
    }


def content(storage: Storage, name: str) -> str:
    data = storage.read(name)
    if name.endswith("report.json"):
        data = unnamed(json.dumps(lasting(json.loads(data)))).encode()
    elif name == CAMPAIGN_PAGE:  # it shows the time of the last change, and each cycle's seconds
        data = re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC|<td>\d+</td></tr>", b"", data)
    return hashlib.sha256(data).hexdigest()


def unnamed(text: str) -> str:
    """Without the records' fingerprint: it knows the times of the files, so each drawing has its own."""
    return re.sub("records/[0-9a-f]{16}", "records/#", text)


def lasting(summary: dict[str, Any]) -> dict[str, Any]:
    passing = ("seconds", "seconds_by_step", "version", "records")
    return {k: v for k, v in summary.items() if k not in passing}


def killed_at(point: int, told: Path, run: Callable[[], None]) -> None:
    """Kills this process at the durable change number `point`, after saying which it is."""
    seen = 0

    def observer(phase: str, operation: str, name: str) -> None:
        nonlocal seen
        if seen == point:
            told.write_text(f"{phase} {operation} {name}")
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    storage_module.observer = observer
    run()


def compared(root: str, run: Callable[[], None], reference: dict[str, Any]) -> None:
    """Runs the campaign to its end; exits with 3 if it did not end as the reference."""
    run()
    found = json.loads(json.dumps(outcome(root)))
    if found != reference:
        for key in found:
            if found[key] != reference[key]:
                print(
                    root, key, str(reference[key])[:1000], str(found[key])[:1000], file=sys.stderr
                )
        os._exit(3)


def sweep(root: str, who: str, first: int, every: int, scratch: Path) -> dict[str, Any]:
    """Kill a campaign at each `every`-th point, in a new root each time; then rerun it and compare."""

    def child(work: Callable[[], None]) -> int:
        return ended(forked(work))

    def run_in(where: str) -> Callable[[], None]:
        return partial(campaign, where, who, scratch / "streets")

    def refer() -> None:
        run_in(f"{root}/whole")()
        (scratch / "reference").write_text(json.dumps(outcome(f"{root}/whole")))

    assert child(partial(draw, scratch / "streets")) == 0
    assert child(refer) == 0
    reference = json.loads((scratch / "reference").read_text())
    points, wrong = [], []
    while True:
        point = first + len(points) * every
        where, told = f"{root}/{point}", scratch / "told"
        status = child(partial(killed_at, point, told, run_in(where)))
        if status == 0:
            break
        points.append(told.read_text())
        rerun = child(partial(compared, where, run_in(where), reference))
        if status != -signal.SIGKILL or rerun != 0:
            wrong.append([points[-1], status, rerun])
        if is_local(root):
            shutil.rmtree(where)
    return {"points": points, "wrong": wrong, "reference": reference}


def main() -> None:
    root, who, first, every = sys.argv[1:]
    # The clients of buckets must be imported before the fork, and used only after it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import obstore  # noqa: F401
    replace_what_computes()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(sweep(root, who, int(first), int(every), Path(scratch))))


if __name__ == "__main__":
    main()
