"""Campaigns that earlier versions wrote: this version reads, verifies, continues and rolls them back.

`tests/fixtures/campaigns/<version>` is never rewritten: see `tests/support/freeze_campaign.py`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.stores import ready_store

CAMPAIGNS = Path(__file__).parents[1] / "fixtures" / "campaigns"
RECIPE = CAMPAIGNS / "recipe.yaml"
VERSIONS = sorted(folder.name for folder in CAMPAIGNS.glob("v*") if folder.is_dir())
# As a server or a notebook's widget would call it: from a thread, and without a terminal.
FROM_PYTHON = """
import json, sys, threading
import streetloop

def work():
    recipe, root, settings = sys.argv[1:]
    state = streetloop.run(recipe, root=root, settings=json.loads(settings))
    print([cycle.outcome for cycle in state.cycles], state.complete)

if __name__ == "__main__":
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""
WRITTEN_ONCE = ("ledger", "labels", "models")


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def expected(version: str) -> dict[str, Any]:
    """What the version that wrote the campaign said of it."""
    return json.loads((CAMPAIGNS / f"expected-{version}.json").read_text())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An MLflow that never heard of the campaign."""
    return ready_store(tmp_path_factory.mktemp("mlflow") / "mlflow.db")


@pytest.fixture(autouse=True)
def _tracked(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)


@pytest.fixture
def root(version: str, tmp_path: Path) -> Path:
    """A copy of the frozen campaign."""
    return Path(shutil.copytree(CAMPAIGNS / version, tmp_path / "campaign"))


def streetloop(command: str, root: Path, *options: str) -> str:
    """What the command prints on the campaign; it must exit with 0."""
    name = str(Path(sys.executable).parent / "streetloop")
    line = [name, *command.split(), str(RECIPE), "--root", str(root), *options]
    done = subprocess.run(line, cwd=root.parent, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def events_of(root: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((root / "ledger").iterdir())]


def written_once(root: Path) -> dict[str, bytes]:
    """The files that no later version may change: bytes by name."""
    files = [path for top in WRITTEN_ONCE for path in (root / top).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """Where `new` lacks or contradicts something of `old`; what it has besides is fine."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [d for k in old for d in differences(old[k], new.get(k, "nothing"), f"{where}.{k}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [d for i, v in enumerate(old) for d in differences(v, new[i], f"{where}[{i}]")]
    return [] if old == new else [f"{where}: {old!r} became {new!r}"]


def test_the_fixture_is_as_it_was_frozen(root: Path, expected: dict[str, Any]) -> None:
    events = events_of(root)
    assert [event["sha256"] for event in events] == expected["sha256"]
    assert dict(Counter(event["kind"] for event in events)) == expected["kinds"]


def test_verify_finds_no_damage(root: Path, expected: dict[str, Any]) -> None:
    assert str(expected["events"]) in streetloop("ledger verify", root)


def test_status_says_what_it_said(root: Path, expected: dict[str, Any]) -> None:
    report = json.loads(streetloop("status", root, "--json"))
    assert differences(expected["status"], report) == []


def test_the_log_tells_every_event(root: Path, expected: dict[str, Any]) -> None:
    lines = streetloop("ledger log", root).splitlines()
    # The words may change; the number and the time may not.
    assert [row.split()[:2] for row in lines] == [row.split()[:2] for row in expected["log"]]


def test_show_gives_the_state(root: Path, expected: dict[str, Any]) -> None:
    shown = json.loads(streetloop("ledger show", root))
    assert shown["version"] == expected["events"] - 1
    for key in ("champion", "labeled", "outstanding", "skipped", "cycles"):
        assert shown[key] == expected[key]


def test_reports_and_models_can_be_parsed(root: Path, expected: dict[str, Any]) -> None:
    for cycle, miou in expected["miou"].items():
        report = json.loads((root / "cycles" / cycle / "report.json").read_text())
        assert report["val"]["miou"] == miou
        assert report["model"] in expected["champions"]
    described = sorted((root / "models").glob("*/model.json"))
    assert {path.parent.name for path in described} == set(expected["champions"])
    for path in described:
        info = json.loads(path.read_text())
        assert info["model_id"] == path.parent.name
        for name, sha256 in info["files"].items():
            assert hashlib.sha256((path.parent / name).read_bytes()).hexdigest() == sha256


def test_the_old_champion_scores_the_same_on_the_old_records(
    root: Path, expected: dict[str, Any]
) -> None:
    streetloop("evaluate", root, "--split", "val")
    champion = expected["champion"]
    (report,) = (root / "reports").glob("val-*.json")
    scores = json.loads(report.read_text())
    assert scores["model"] == champion["model"]
    # Another processor may round a logit to the other side, and a pixel to another class.
    assert scores["miou"] == pytest.approx(expected["miou"][str(champion["cycle"])], abs=0.002)


def test_rollback_brings_the_earlier_champion_back(root: Path, expected: dict[str, Any]) -> None:
    before = written_once(root)
    earlier, later = expected["champions"][-2:]
    assert expected["champion"]["model"] == later
    streetloop("ledger rollback", root, "--why", "an older version knew better")
    assert json.loads(streetloop("ledger show", root))["champion"]["model"] == earlier
    assert events_of(root)[-1]["kind"] == "rollback"
    assert before.items() <= written_once(root).items()
    streetloop("ledger verify", root)


def test_the_campaign_goes_on_when_a_thread_of_python_runs_it(
    root: Path, expected: dict[str, Any]
) -> None:
    before, wanted = written_once(root), len(expected["cycles"]) + 1
    settings = {"cycle.cycles": wanted, "train.steps": 2, "train.dev_every": 2}
    program = [sys.executable, "-c", FROM_PYTHON, RECIPE, root, json.dumps(settings)]
    done = subprocess.run(program, cwd=root.parent, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"{['done'] * wanted} True" in done.stdout
    assert "  train " in done.stdout
    shown = json.loads(streetloop("ledger show", root))
    assert shown["cycles"] == expected["cycles"] | {str(wanted): "done"}
    assert set(expected["labeled"]) | set(expected["outstanding"]) == set(shown["labeled"])
    assert shown["skipped"] == expected["skipped"]
    assert before.items() <= written_once(root).items()
    news = Counter(event["kind"] for event in events_of(root)[expected["events"] :])
    assert news["cycle_opened"] == news["cycle_closed"] == news["labels_accepted"] == 1
    assert news["recipe_changed"] == 1
    report = json.loads((root / "cycles" / str(wanted) / "report.json").read_text())
    assert report["labeled"] == len(shown["labeled"])
    streetloop("ledger verify", root)
