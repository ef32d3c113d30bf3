"""An ablation whose fits are faked: order, resumption, tables, MLflow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from components.contracts.ledger.campaign import create_campaign
from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import load
from components.contracts.storage.open import open_storage
from components.preprocess.build import store_records
from pipelines.cli import main
from pipelines.experiment.scene import scene_of
from pipelines.fits.fit import Fit, FitOrder
from pipelines.fits.result import FitResult, SplitScores
from pipelines.fits.store import Begun, write_result
from pipelines.fits.worker import Worker
from tests.support.places import RECIPES
from tests.support.tiny_source import write_item

RECIPE = """
name: tiny
data: {size: [32, 64]}
split: {initial: 4, dev_fraction: 0.2, guard: 0}
train: {steps: 4, batch_size: 2, unlabeled_batch_size: 2, crop: [32, 64]}
"""
MIOU = {"supervised": 0.40, "adversarial": 0.43}


class FakeProcesses:
    """Stands in for the processes; fails the fits that a test names."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.labeled: dict[str, list[str]] = {}
        self.failing: set[str] = set()

    def order(self, worker: Worker, fit: Fit | None, run_id: str | None) -> None:
        recipe, storage = worker._recipe, worker._storage
        if fit is None:
            store_records(scene_of(recipe, storage).division, storage)
            return
        if fit.name in self.failing:
            raise StreetloopError(f"{fit.name} failed. Its own error.")
        assert run_id is not None
        self.done.append(fit.name)
        self.labeled[fit.name] = fit.labeled
        begun = Begun(storage, fit)
        begun.note(2, {"supervised_loss": 1.5, "dev/miou": 0.2})
        write_result(storage, fit, _result(fit, begun))


def _result(fit: Fit, begun: Begun) -> FitResult:
    miou = MIOU[fit.variant] + 0.02 * fit.seed * (fit.variant == "adversarial")
    scores = SplitScores(miou=miou, pixel_accuracy=0.8, dice=0.5, images=1, classes={})
    return FitResult(
        variant=fit.variant,
        seed=fit.seed,
        settings=fit.settings,
        labeled=fit.labeled,
        unlabeled=0,
        steps=4,
        best_step=2,
        seconds=3.0,
        waiting_for_data=0.0,
        git_sha="",
        scores={"dev": scores, "val": scores},
        history=begun.history,
        at_ms=begun.at_ms,
    )


class Untracked:
    """Stands in for MLflow, whose store takes seconds to create."""

    def __init__(self, *anything: Any) -> None:
        pass

    def open(self) -> None: ...

    def begin(self, fit: Fit) -> str:
        return "run"

    def end(self, fit: Fit, result: FitResult) -> None: ...

    def close(self, files: dict[str, bytes], complete: bool) -> None: ...


@pytest.fixture
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.ablation.run.Runs", Untracked)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeProcesses:
    made = FakeProcesses()
    monkeypatch.setattr(Worker, "order", lambda self, fit, run_id: made.order(self, fit, run_id))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    for city in ("aachen", "bonn"):
        for frame in range(8):
            write_item(tmp_path / "data", f"{city}_000000_{frame:06d}")
    write_item(tmp_path / "data", "ulm_000000_000000", "val")
    return made


def _ablate(*more: str) -> Result:
    command = ["ablate", "tiny.yaml", "--data", "data", "--root", "runs/here"]
    return CliRunner().invoke(main, [*command, "--variants", "supervised,adversarial", *more])


def test_an_ablation_resumes_and_is_tracked_once(processes: FakeProcesses, tmp_path: Path) -> None:
    processes.failing = {"supervised-1"}
    broken = _ablate("--seeds", "0,1")
    assert broken.exit_code == 1
    assert "1 of 4 fits failed. supervised-1 failed. Its own error." in broken.output
    assert "Not complete: 3 of 4 fits" in broken.output
    assert _statuses(tmp_path)[""] == ["KILLED"]

    processes.failing = set()
    done = _ablate("--seeds", "0,1")
    assert done.exit_code == 0, done.output
    # Seed by seed, the failed one last; none twice.
    assert processes.done == ["supervised-0", "adversarial-0", "adversarial-1", "supervised-1"]
    assert "| adversarial | 2 | +4.00 [-8.71, +16.71] |" in done.output
    again = _ablate("--seeds", "0,1")
    assert len(processes.done) == 4
    assert _table(again) == _table(done) == (tmp_path / "runs/here/ablation.md").read_text().strip()

    more = _ablate("--seeds", "0,1,2")
    assert processes.done[4:] == ["supervised-2", "adversarial-2"]
    assert more.exit_code == 0
    # One parent, one run per fit; each ended once and has each point once.
    assert _statuses(tmp_path) == {"": ["FINISHED"], **{n: ["FINISHED"] for n in processes.done}}
    assert _points(tmp_path, "adversarial-0", "dev/miou") == [(2, 0.2)]
    assert _points(tmp_path, "adversarial-0", "train/supervised_loss") == [(2, 1.5)]
    assert _points(tmp_path, "adversarial-1", "final/val_miou") == [(4, 0.45)]
    assert _files(tmp_path) == ["ablation.md", "ablation.png"]


@pytest.mark.usefixtures("untracked")
def test_all_variants_of_a_seed_share_their_labels(processes: FakeProcesses) -> None:
    assert _ablate("--seeds", "0,3", "--labels", "1/2").exit_code == 0
    labeled = processes.labeled
    assert labeled["supervised-0"] == labeled["adversarial-0"]
    assert labeled["supervised-0"] != labeled["supervised-3"]
    for ids in labeled.values():  # half of each city's pool
        assert sorted(i.partition("_")[0] for i in ids) == ["aachen"] * 3 + ["bonn"] * 3


@pytest.mark.usefixtures("untracked")
def test_other_inputs_make_another_fit(processes: FakeProcesses, tmp_path: Path) -> None:
    one = ("--seeds", "0")
    for changes in ((), ("--set", "train.steps=5"), ("--labels", "3"), ("--split", "dev")):
        assert _ablate(*one, *changes).exit_code == 0
    assert len(processes.done) == 6  # the split is a view of the same fits
    for mask in (tmp_path / "data/gtFine/train").rglob("*.png"):
        mask.write_bytes(mask.read_bytes() + b"\0")
    assert _ablate(*one).exit_code == 0
    assert len(processes.done) == 8


def test_a_resumed_fit_counts_its_time_once(tmp_path: Path) -> None:
    from components.contracts.recipe.train import TrainSettings

    storage, state = open_storage(str(tmp_path / "root")), tmp_path / "state.npz"
    state.write_bytes(b"one")
    fit = Fit("supervised", 0, TrainSettings(), ["a"], "key")
    first = Begun(storage, fit)
    first.note(2, {"dev/miou": 0.1})
    first.keep(state, 10.0)
    second = Begun(storage, fit)
    second.restore(tmp_path / "back.npz")
    assert (tmp_path / "back.npz").read_bytes() == b"one"
    assert (second.at_ms, second.history) == (first.at_ms, {"2": {"dev/miou": 0.1}})
    # Killed between the report and the checkpoint: the step comes again, with other mean losses.
    second.note(4, {"loss": 3.0})
    third = Begun(storage, fit)
    assert third.note(4, {"loss": 2.0}) == {"loss": 3.0}
    assert third.seconds == 10.0
    second.keep(state, 5.0)
    assert Begun(storage, fit).seconds == 15.0


@pytest.mark.parametrize("has_fit", [True, False])
def test_an_order_survives_its_file(tmp_path: Path, has_fit: bool) -> None:
    recipe = load(RECIPES / "smoke.yaml", ("train.crop=[32, 64]",))
    fit = Fit("supervised", 0, recipe.train, ["a", "b"], "key") if has_fit else None
    order = FitOrder(recipe=recipe, root="gs://x/y", fit=fit, run_id=None, error=tmp_path / "error")
    assert FitOrder.model_validate_json(order.model_dump_json()) == order


def test_ablate_rejects_the_root_of_a_campaign(processes: FakeProcesses, tmp_path: Path) -> None:
    create_campaign(open_storage(str(tmp_path / "runs/here")), "tiny", {"name": "tiny"}, {})
    done = _ablate()
    assert done.exit_code == 1
    assert "already contains a campaign" in done.output


@pytest.mark.usefixtures("untracked")
def test_the_time_left_counts_what_a_fit_takes_beside_its_training(
    processes: FakeProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pipelines.fits.loop.time", SimpleNamespace(monotonic=lambda: 13.0 * len(processes.done))
    )
    lines = _ablate("--seeds", "0,1").output.splitlines()
    # Training takes 3 s of each fit's 13.
    assert "done after 13 s" in "".join(lines)
    left = [line.partition("(")[2] for line in lines if line.startswith("Fit ")]
    assert left == [
        "",
        "about 39 s left for 3 fits)",
        "about 26 s left for 2 fits)",
        "about 13 s left for 1 fit)",
    ]
    more = _ablate("--seeds", "0,1,2").output  # nothing is known of this command's fits yet
    assert "seed 2 (at least 6 s left for 2 fits)" in more


@pytest.mark.usefixtures("untracked")
def test_one_label_and_one_step_are_named_as_one(processes: FakeProcesses) -> None:
    done = _ablate("--seeds", "0", "--labels", "1", "--set", "train.steps=1")
    assert "# Ablation of tiny: 1 labeled (1 image), 1 step\n" in done.output


@pytest.mark.usefixtures("untracked")
def test_ablate_rejects_more_labels_than_there_are_images(processes: FakeProcesses) -> None:
    done = _ablate("--seeds", "0", "--labels", "13")
    assert done.exit_code == 2
    assert "13 labels cannot be given: only 12 images of the pool can be labeled." in done.output
    assert processes.done == []


@pytest.mark.usefixtures("untracked")
@pytest.mark.parametrize(("labels", "warns"), [("11", 0), ("12", 1), ("all", 1)])
def test_ablate_says_once_that_no_unlabeled_image_is_left(
    processes: FakeProcesses, labels: str, warns: int
) -> None:
    done = _ablate("--seeds", "0,1", "--labels", labels)
    assert done.exit_code == 0, done.output
    words = " ".join(done.output.split())
    assert words.count("no unlabeled image, so adversarial learns from none.") == warns
    assert len(processes.done) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        ("--seeds", "0,0"),
        ("--seeds", "0,00"),
        ("--seeds", "a"),
        ("--labels", "half"),
        ("--labels", "0"),
        ("--variants", "supervised,gan"),
        ("--variants", "all,all"),
        ("--set", "train.precision=auto"),
    ],
)
def test_ablate_rejects_impossible_options(
    processes: FakeProcesses, wrong: tuple[str, str]
) -> None:
    done = _ablate(*wrong)
    assert done.exit_code == 2
    assert wrong[0] in done.output


def _table(result: Result) -> str:
    return (
        result.output.partition("# Ablation")[1]
        + (result.output.partition("# Ablation")[2].partition("\n/")[0]).rstrip()
    )


def _runs(tmp_path: Path) -> tuple[Any, list[Any]]:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'runs/mlflow/mlflow.db'}")
    experiment = client.get_experiment_by_name("streetloop")
    return client, client.search_runs([experiment.experiment_id])


def _statuses(tmp_path: Path) -> dict[str, list[str]]:
    """Return statuses by name of a fit; the parent's name is empty."""
    out: dict[str, list[str]] = {}
    runs = _runs(tmp_path)[1]
    parents = [r.info.run_id for r in runs if "mlflow.parentRunId" not in r.data.tags]
    for run in runs:
        parent = run.data.tags.get("mlflow.parentRunId")
        assert parent is None or parent in parents
        out.setdefault(run.info.run_name if parent else "", []).append(run.info.status)
    return out


def _points(tmp_path: Path, name: str, key: str) -> list[tuple[int, float]]:
    client, runs = _runs(tmp_path)
    (run,) = [r for r in runs if r.info.run_name == name]
    return [
        (m.step, pytest.approx(m.value)) for m in client.get_metric_history(run.info.run_id, key)
    ]


def _files(tmp_path: Path) -> list[str]:
    client, runs = _runs(tmp_path)
    (parent,) = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    return [f.path for f in client.list_artifacts(parent.info.run_id)]
