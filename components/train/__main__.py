"""`python -m components.train`: fit a model to labeled records, without a campaign."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.contracts.process import command
from components.contracts.process.errors import StreetloopError
from components.contracts.process.files import write_text

if TYPE_CHECKING:
    from components.contracts.data.records import Records
    from components.contracts.recipe.train import TrainSettings

_STATE = "checkpoint/state.npz"
_EXAMPLE = (
    "python -m components.train --records out/records --labeled out/split/labeled \\\n"
    "      --unlabeled out/split/unlabeled.txt --output out/fit --set steps=400"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = command.parser_of(
        "train",
        "Fit a generator and a discriminator. Write <output>/model and <output>/report.json. Run the "
        "same command again to resume an interrupted fit from <output>/checkpoint.",
        _EXAMPLE,
    )
    parser.add_argument(
        "--records", type=command.path, required=True, metavar="DIR", help="records of preprocess"
    )
    parser.add_argument(
        "--labeled",
        type=command.path,
        required=True,
        metavar="DIR",
        help="labeled records of split",
    )
    parser.add_argument(
        "--unlabeled",
        type=command.path,
        required=True,
        metavar="FILE",
        help="unlabeled ids of split, one per line",
    )
    parser.add_argument(
        "--output", type=command.path, required=True, metavar="DIR", help="a folder"
    )
    parser.add_argument(
        "--settings", type=command.path, metavar="YAML", help="the section `train:` of a recipe"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="KEY=VALUE",
        help="change a setting, such as optimizer.learning_rate=1e-3; may be repeated",
    )
    parser.add_argument("--seed", type=command.whole(0), default=0, help="(default: 0)")
    args = parser.parse_args(argv)
    return command.run(lambda: _train(args))


def _train(args: argparse.Namespace) -> int:
    from components.contracts.data.records import POOL, Records, check_in_pool, read_ids
    from components.contracts.recipe import file as settings_file
    from components.contracts.recipe.train import TrainSettings
    from components.contracts.step.context import begin

    values = settings_file.read(args.settings) if args.settings else {}
    for change in args.changes:
        settings_file.change(values, change)
    settings = settings_file.validate(TrainSettings, values, str(args.settings or "--set"))
    begin("train")
    records, labeled = Records(args.records), Records(args.labeled)
    unlabeled = read_ids(command.existing(args.unlabeled, "a list of unlabeled ids"))
    check_in_pool(records, unlabeled, args.unlabeled)
    if not labeled.ids(POOL):
        raise StreetloopError(f"No labeled image in {args.labeled}.")
    shown = settings.model_dump(mode="json")
    shown["network"]["encoder"] = settings.network.encoder.facts()
    inputs = {
        "settings": shown,
        "seed": args.seed,
        "records": _digest(args.records, ["index.json"]),
        "labeled": _digest(args.labeled, sorted({e.shard for e in labeled.entries.values()})),
        "unlabeled": unlabeled,
    }
    if _is_done(args.output, inputs):
        print(f"This fit is already done: {args.output / 'model'}")
        return command.DONE
    report = _fit(args, settings, records, labeled, unlabeled)
    write_text(args.output / "report.json", json.dumps(report, indent=1) + "\n")
    dev = report["dev_miou"]
    scored = "no dev image" if dev is None else f"dev mIoU {100 * dev:.2f} %"
    print(f"{report['steps']} steps, {scored}; model: {args.output / 'model'}")
    return command.DONE


def _digest(folder: Path, names: list[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _is_done(output: Path, inputs: dict[str, Any]) -> bool:
    """Return whether the output folder holds the finished fit of these inputs.

    Raises:
      StreetloopError: it holds something else.
    """
    text = json.dumps(inputs, sort_keys=True, indent=1) + "\n"
    marker = output / "inputs.json"
    if output.exists() and not marker.is_file() and (not output.is_dir() or any(output.iterdir())):
        raise StreetloopError(f"{output} is not empty and holds no fit. Name another folder.")
    begun = (output / _STATE).is_file()
    if begun and marker.read_text() != text:
        raise StreetloopError(
            f"{output} holds a fit with other settings, seed or data. Name another folder, or "
            "delete this one."
        )
    write_text(marker, text)
    return begun and (output / "report.json").is_file()


def _stored_size(records: Records) -> tuple[int, int] | None:
    """Return height and width of the pool's stored images; None if they differ.

    Two records suffice: if images of two native sizes are stored at one size, all are.
    """
    one_of = {(e.height, e.width): i for i, e in records.entries.items() if e.split == "train"}
    sizes = {records.read(i).image.shape[:2] for i in list(one_of.values())[:2]}
    return sizes.pop() if len(sizes) == 1 else None


def _fit(
    args: argparse.Namespace,
    settings: TrainSettings,
    records: Records,
    labeled: Records,
    unlabeled: list[str],
) -> dict[str, Any]:
    from components.contracts.model.files import save_model
    from components.train.checkpoint import Checkpoint
    from components.train.driver import fit_records

    state = args.output / _STATE
    state.parent.mkdir(exist_ok=True)
    done, data = fit_records(records, labeled, unlabeled, settings, args.seed, Checkpoint(state))
    recipe: dict[str, Any] = {"seed": args.seed, "train": settings.model_dump(mode="json")}
    if (size := _stored_size(records)) is not None:
        recipe["data"] = {"size": list(size)}  # at which `predict` shows images
    info = save_model(
        args.output / "model",
        *done.networks.to_save(),
        recipe=recipe,
        ledger_version=0,
    )
    return {
        "model": info.model_id,
        "steps": done.steps,
        "best_step": done.best_step,
        "dev_miou": done.dev_miou,
        "labeled": len(data.labeled),
        "unlabeled": len(unlabeled),
        "seconds": round(done.seconds, 1),
        "waiting_for_data": round(done.waiting, 4),
    }


if __name__ == "__main__":
    sys.exit(main())
