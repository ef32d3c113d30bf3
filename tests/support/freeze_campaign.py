"""Write a small finished campaign, to be frozen as a fixture.

    python -m tests.support.freeze_campaign OUTPUT

Version 0.1 of Streetloop wrote `tests/fixtures/campaigns/v0.1` and `expected-v0.1.json` with this.
`tests/e2e/test_old_campaigns.py` asks every later version to read, verify, continue and roll back
that campaign. A frozen campaign is never written again: when the format changes, freeze a new one
beside it, in a folder named by the version that wrote it.

Everything goes through the `streetloop` command and through files of the campaign, so that this
depends on no module of the project. Every kind of event is made once at least. The seed fixes the
images, the labels and the weights; times, owners, event ids and MLflow's run ids differ.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

RECIPE = Path(__file__).parents[1] / "fixtures" / "campaigns" / "recipe.yaml"
STREETLOOP = str(Path(sys.executable).parent / "streetloop")
# The streets come back from the seed. The logs and the private folder belong to the machine.
LEFT_OUT = ("source", "logs", ".streetloop")
# Pages and pictures for people and MLflow: no cycle reads them, and they are most of the bytes.
PICTURES = (
    "cycles/*/report.html",
    "cycles/*/figures",
    "cycles/*/images",
    "queries/*/overlays",
    "queries/*/why.html",
)
LARGEST = 200_000  # bytes of one file
LARGEST_TOTAL = 500_000
NO_PATH = re.compile(rb"/(home|root|tmp|work|Users|private|var)/[A-Za-z0-9._-]+")


def main() -> None:
    """Write the campaign, what is expected of it, and what it weighs."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    output = Path(sys.argv[1])
    if output.exists():
        sys.exit(f"Expected a new folder; {output} is there. A frozen campaign is never rewritten.")
    with tempfile.TemporaryDirectory(prefix="freeze-") as folder:
        root = Path(folder) / "campaign"
        write_campaign(root)
        freeze(root, output)
        expected = expectations(root)
    check(output)
    beside = output.with_name(f"expected-{output.name}.json")
    beside.write_text(json.dumps(expected, indent=1) + "\n")
    print(json.dumps(expected["kinds"]), file=sys.stderr)


def write_campaign(root: Path) -> None:
    """Run two cycles, with people who label, skip and err, a change of the recipe and a failure."""
    streetloop("run", root, "--cycles", "1")
    hand_in(root)
    # The champion's weights do not fit another network: training fails and gives the cycle back.
    streetloop("run", root, "--set", "train.network.encoder.base=3", code=1)
    streetloop("run", root)
    # Back and forth, so that the champion is the newest again and an earlier one is known.
    streetloop("ledger rollback", root, "--why", "to see whether it works")
    streetloop("ledger rollback", root, "--why", "it works")


def hand_in(root: Path) -> None:
    """Hand in what people made of the first query: two masks of one image, and nothing of another."""
    query = root / "queries" / "1"
    labeled, skipped = sorted(path.stem for path in (query / "images").iterdir())
    (mask,) = (root / "source" / "gtFine").rglob(f"{labeled}_gtFine_labelIds.png")
    (guess,) = (query / "predictions").glob(f"{labeled}_*.png")
    stranger = root.parent / "nowhere_000000_000019_gtFine_labelIds.png"
    shutil.copyfile(mask, stranger)
    export = root.parent / "export.json"
    nothing = {"was_cancelled": True, "completed_by": {"email": "cy@x"}, "result": []}
    export.write_text(json.dumps([{"data": {"image_id": skipped}, "annotations": [nothing]}]))
    streetloop("feedback add", root, "--annotator", "ann", str(guess))
    streetloop("feedback add", root, "--annotator", "bob", str(mask), str(stranger))
    streetloop("feedback add", root, str(export))


def freeze(root: Path, output: Path) -> None:
    """Copy what a campaign must keep."""

    def unwanted(folder: str, names: list[str]) -> list[str]:
        here = Path(folder).relative_to(root)
        found = [name for name in names if (here / name).name.endswith(".lock")]
        found += [name for name in names if str(here / name) in LEFT_OUT]
        return found + [n for n in names for p in PICTURES if fnmatch(str(here / n), p)]

    shutil.copytree(root, output, ignore=unwanted)
    for folder in sorted((p for p in output.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()  # git would not keep it either


def expectations(root: Path) -> dict[str, Any]:
    """Tell what this version says of the campaign."""
    status = json.loads(streetloop("status", root, "--json"))
    del status["root"]
    shown = json.loads(streetloop("ledger show", root))
    log = streetloop("ledger log", root).splitlines()
    events = [json.loads(path.read_bytes()) for path in sorted((root / "ledger").iterdir())]
    reports = sorted((root / "cycles").glob("*/report.json"), key=lambda p: int(p.parent.name))
    miou = {p.parent.name: json.loads(p.read_text())["val"]["miou"] for p in reports}
    verified = streetloop("ledger verify", root).strip()
    return {
        "version": streetloop("--version").split()[-1],
        "events": len(events),
        "kinds": dict(sorted(Counter(event["kind"] for event in events).items())),
        "sha256": [event["sha256"] for event in events],
        "champion": shown["champion"],
        "champions": [e["payload"]["model"] for e in events if e["kind"] == "promotion"],
        "labeled": shown["labeled"],
        "outstanding": shown["outstanding"],
        "skipped": shown["skipped"],
        "cycles": shown["cycles"],
        "miou": miou,
        "verify": verified,
        "log": log,
        "status": status,
    }


def check(output: Path) -> None:
    """Refuse a fixture that is too large or names a place on this machine."""
    files = [path for path in sorted(output.rglob("*")) if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    large = [str(path) for path in files if path.stat().st_size > LARGEST]
    named = [str(path) for path in files if NO_PATH.search(path.read_bytes())]
    for top in sorted(output.iterdir()):
        size = sum(p.stat().st_size for p in files if p.is_relative_to(top))
        print(f"{size:8d}  {top.name}", file=sys.stderr)
    print(f"{total:8d}  {len(files)} files", file=sys.stderr)
    if large or named or total > LARGEST_TOTAL:
        sys.exit(f"Not fit to be kept: too large {large}, paths in {named}, {total} bytes in all.")


def streetloop(command: str, root: Path | None = None, *options: str, code: int = 0) -> str:
    """Run the command on the campaign and return what it prints; it must exit with `code`."""
    where = [str(RECIPE), "--root", str(root)] if root else []
    line = [STREETLOOP, *command.split(), *where, *options]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode != code:
        logs = sorted((root / "logs").glob("*.log")) if root else []
        tail = logs[-1].read_text()[-4000:] if logs else ""
        sys.exit(f"{' '.join(line)} exited with {done.returncode}:\n{done.stderr}{tail}")
    return done.stdout


if __name__ == "__main__":
    main()
