"""`python -m components.feedback`: turn annotation exports into label maps, without a campaign."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from components.contracts.process import command

if TYPE_CHECKING:
    from components.contracts.annotation import Annotation, Refusal, Skipped

_EXAMPLE = "python -m components.feedback --records out/records --output out/labels export.zip"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = command.parser_of(
        "feedback",
        "Read annotation exports (Label Studio, CVAT, labelme, COCO, Cityscapes polygons, PNG masks, "
        "or a zip of these), check them against the records, and write <image_id>.png (train ids, "
        "255 = ignore) and report.json. A label that cannot be used is rejected with the reason; the "
        "command fails only if nothing could be used.",
        _EXAMPLE,
    )
    parser.add_argument("exports", type=command.path, nargs="+", metavar="FILE", help="an export")
    parser.add_argument(
        "--records", type=command.path, required=True, metavar="DIR", help="records of preprocess"
    )
    parser.add_argument(
        "--output", type=command.path, required=True, metavar="DIR", help="a new folder"
    )
    parser.add_argument(
        "--policy",
        choices=("latest", "consensus"),
        default="latest",
        help="which label counts if several annotators labeled an image (default: latest)",
    )
    parser.add_argument(
        "--resize", action="store_true", help="also accept masks of another size but the same shape"
    )
    parser.add_argument(
        "--max-ignore",
        type=command.share,
        default=0.95,
        metavar="F",
        help="largest accepted share of pixels without a class (default: 0.95)",
    )
    args = parser.parse_args(argv)
    return command.run(lambda: _feedback(args))


def _feedback(args: argparse.Namespace) -> int:
    from components.contracts.annotation import KnownImages, Limits, png_mask, read_export
    from components.contracts.data.records import Records
    from components.contracts.process.words import counted
    from components.contracts.recipe.feedback import FeedbackSettings
    from components.contracts.step.context import begin
    from components.feedback.checks import check
    from components.feedback.consensus import resolve

    begin("feedback")
    records = Records(args.records)
    images = KnownImages({i: (e.height, e.width) for i, e in records.entries.items()})
    # No query is outstanding here, so any image of the pool may come.
    settings = FeedbackSettings(allow_unasked=True, resize=args.resize, max_ignore=args.max_ignore)
    accepted: list[Annotation] = []
    refusals: list[Refusal] = []
    skipped: list[Skipped] = []
    for path in args.exports:
        batch = read_export(path, Limits(), images=images)
        checked = check(batch.annotations, records.entries, (), settings)
        accepted += checked.accepted
        refusals += [*batch.refusals, *checked.refusals]
        skipped += batch.skipped
    labels = resolve(accepted, args.policy)
    with command.new_folder(args.output) as folder:
        for image_id, annotation in labels.items():
            (folder / f"{image_id}.png").write_bytes(png_mask.write(annotation.train_ids))
        (folder / "report.json").write_text(
            json.dumps(
                {
                    "accepted": [
                        {"image_id": i, "annotator": a.annotator, "source": a.source}
                        for i, a in labels.items()
                    ],
                    "refused": [{"name": r.name, "reason": r.reason} for r in refusals],
                    "skipped": [
                        {"image_id": s.image_id, "annotator": s.annotator, "why": s.why}
                        for s in skipped
                    ],
                },
                indent=1,
            )
        )
    for refusal in refusals:
        print(f"rejected {refusal.name}: {refusal.reason}", file=sys.stderr)
    print(f"{counted(len(labels), 'label')} accepted, {len(refusals)} rejected: {args.output}")
    return command.DONE if labels else command.FAILED


if __name__ == "__main__":
    sys.exit(main())
