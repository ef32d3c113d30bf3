"""The model card: what a model was trained on, how good it is, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.contracts.process.words import counted
from components.contracts.recipe.recipe import Recipe
from components.contracts.scores.report import SplitScores
from pipelines.campaign.display import percent
from pipelines.export.check import Checked
from pipelines.predict.view import Size


@dataclass(frozen=True)
class Card:
    """What the card tells.

    Attributes:
      recipe: of the campaign.
      model: the model's id.
      cycle: that trained it.
      ledger_version: number of the last ledger event before its training.
      git_sha: of the code that exported it.
      labeled: images that it was trained on with their labels.
      scores: on `val`; None if they are unknown.
      fixed: height and width that formats of a fixed size accept.
      exports: what was exported.
      licence: of the data and the model, in the user's words.
    """

    recipe: Recipe
    model: str
    cycle: int
    ledger_version: int
    git_sha: str
    labeled: int | None
    scores: SplitScores | None
    fixed: Size
    exports: Sequence[Checked]
    licence: str | None

    def markdown(self) -> str:
        """Return the card as Markdown, as MLflow shows it beside a model."""
        parts = [self._head(), self._data(), self._scores(), self._exports(), self._limits()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _head(self) -> str:
        return (
            f"# {self.recipe.name}\n\nSemantic segmentation of street scenes: each pixel of a photo gets one of "
            "19 classes of Cityscapes.\n\n"
            f"- Model: `{self.model}`\n- Cycle: {self.cycle}\n- Ledger version: {self.ledger_version}\n"
            f"- Code: `{self.git_sha}`\n- Licence: {self.licence or 'not stated'}"
        )

    def _data(self) -> str:
        data = self.recipe.data
        source = "generated streets" if data.synthetic else f"`{data.source}`"
        who = "a simulated annotator" if self.recipe.feedback.oracle else "people"
        labeled = (
            "an unknown number of images"
            if self.labeled is None
            else counted(self.labeled, "image")
        )
        return f"## Data\n\nTrained on {labeled} of {source}, labeled by {who}."

    def _scores(self) -> str:
        scores = self.scores
        if scores is None:
            return ""
        rows = [
            f"| {name} | {percent(row.iou)} | {percent(row.dice)} | {row.pixels:,} |"
            for name, row in scores.classes.items()
            if row.pixels
        ]
        means = f"| mean | {percent(scores.miou)} | {percent(scores.dice)} | {scores.pixels:,} |"
        return "\n".join(
            [
                f"## Scores on val ({counted(scores.images, 'image')}, %)",
                "",
                f"Pixel accuracy {percent(scores.pixel_accuracy)}.",
                "",
                "| class | IoU | Dice | labeled pixels |",
                "|---|---:|---:|---:|",
                *rows,
                means,
            ]
        )

    def _exports(self) -> str:
        rows = [
            f"| {e.format} | `{e.file}` | {e.bytes / 1e6:.1f} | {100 * e.agreement:.3f} | "
            f"{e.milliseconds:.0f} |"
            for e in self.exports
        ]
        height, width = self.fixed
        return "\n".join(
            [
                "## Formats",
                "",
                "| format | file | MB | same class as Keras, % of pixels | ms per image |",
                "|---|---|---:|---:|---:|",
                *rows,
                "",
                "Input `image`: uint8 RGB [B, H, W, 3]. `saved_model` takes any size and resizes inside; the "
                f"others take [1, {height}, {width}, 3]. Outputs: `label_ids`, uint8 [B, H, W], as Cityscapes "
                "numbers its classes, and `probabilities`, float32 [B, H, W, 19]. The agreement was measured "
                "on images of the data set, the time on the machine that exported.",
            ]
        )

    def _limits(self) -> str:
        missing = [
            name
            for name, row in (self.scores.classes if self.scores else {}).items()
            if not row.pixels
        ]
        lines = [
            "## Limits",
            "",
            "- The scores hold for photos like those of the data set: other cameras, cities, weather or light "
            "may score far lower.",
            "- Every pixel gets a class: what is none of the 19 is taken for one of them.",
        ]
        if missing:
            lines.append(f"- Not scored, since val has no pixel of them: {', '.join(missing)}.")
        if self.recipe.inference.words != "whole":
            lines.append(
                "- The scores are those of the recipe's inference "
                f"({self.recipe.inference.words}); the exports see each image once, as a whole."
            )
        lines.append("- Not made for decisions on which anybody's safety depends.")
        return "\n".join(lines)
