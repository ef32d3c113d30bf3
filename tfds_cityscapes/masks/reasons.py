"""The reasons for which a mask is rejected: what it is, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tfds_cityscapes.labels import IGNORE_LABEL, LABELS, NUM_CLASSES

WORDS = {"label_ids": "label ids", "train_ids": "train ids", "color": "the Cityscapes colours"}
PLAIN = "Save it with 8 bits per pixel, gray, without a palette."
RENAME = "Add _labelIds or _trainIds to the end of the file's name, before .png."
MAX_LABEL_ID = max(row.label_id for row in LABELS)
_FEW_COLORS = 64  # as a table has; smoothed edges have more
_INSTANCE = 1000  # an instance id is label id · 1000 + number


def train_ids_as_label_ids(used: Sequence[int]) -> str:
    """Return the reason against label ids that can only be train ids."""
    return (
        f"The mask is taken for one of label ids, but holds 255 and no id above {NUM_CLASSES - 1} "
        f"({some(used)}), as masks of train ids do: in those, 255 means ignore. If they are train ids, "
        "let the name end with _labelTrainIds.png; if they are label ids, write 0 for what is ignored."
    )


def unknown_ids(wrong: Sequence[int], encoding: str | None) -> str:
    """Return the reason against ids that do not exist; `encoding` is None if nothing says it."""
    if wrong[-1] >= _INSTANCE and wrong[-1] // _INSTANCE <= MAX_LABEL_ID:
        return (
            f"The mask numbers objects, not classes: it holds {some(wrong)}, as _instanceIds.png files "
            "do. Hand in the _labelIds.png file."
        )
    if encoding is None:
        return (
            f"The mask holds {some(wrong)}, which is neither a label id (0 to {MAX_LABEL_ID}) nor a "
            f"train id (0 to {NUM_CLASSES - 1}, 255). Export it with the ids of Cityscapes, or in its "
            "colours."
        )
    if encoding == "label_ids":
        return (
            f"Unknown ids: [{some(wrong)}]. Expected Cityscapes label ids (-1 to {MAX_LABEL_ID})."
        )
    reason = f"Unknown ids: [{some(wrong)}]. Expected train ids (0 to 18, or 255 = ignore)."
    if wrong[-1] <= MAX_LABEL_ID:
        reason += " Label ids go this far: if they are, let the name end with _labelIds.png."
    return reason


def undecided_ids(used: Sequence[int]) -> str:
    """Return the reason against ids that can be label ids or train ids."""
    if list(used) == [0, IGNORE_LABEL]:
        holds = "only 0 and 255, as a black and white picture of anything does"
    elif IGNORE_LABEL in used and any(NUM_CLASSES <= i < IGNORE_LABEL for i in used):
        inner = [i for i in used if NUM_CLASSES <= i < IGNORE_LABEL]
        holds = f"{some(inner)}, which train ids do not reach, and 255, which label ids do not hold"
    else:
        holds = f"{some(used)}, which can be label ids or train ids"
    return f"Nothing says what the values of the mask mean: it holds {holds}. {RENAME}"


def undecided_palette(places: Sequence[int], colors: Iterable[object]) -> str:
    """Return the reason against a palette that nothing explains."""
    return (
        f"Nothing says what the palette of the mask means: its colours, such as RGB {some(colors, 3)}, "
        f"are not the Cityscapes colours, and its places ({some(places)}) can be label ids or train "
        f"ids. {RENAME} {PLAIN}"
    )


def reordered_palette(how: object, colors: Iterable[object]) -> str:
    """Return the reason against a palette of which only the colours would be certain."""
    return (
        f"The mask can be read by {how}, but that may be wrong: its palette holds just the colours "
        f"that occur, such as RGB {some(colors, 3)}, which are not the Cityscapes colours. Programs "
        f"that make files smaller write such palettes, in any order. {PLAIN}"
    )


def useless_palette(places: Sequence[int], colors: Iterable[object], encoding: str) -> str:
    """Return the reason against a palette with neither ids nor known colours."""
    return (
        f"The places in the mask's palette ({some(places)}) are not {WORDS[encoding]}, and its colours, "
        f"such as RGB {some(colors, 3)}, are not the Cityscapes colours. {PLAIN}"
    )


def unknown_colors(colors: Sequence[object], table: str = "the Cityscapes label table") -> str:
    """Return the reason against colours that a table lacks."""
    reason = f"The mask has colours that are not in {table}: {len(colors)}, such as RGB {some(colors, 3)}."
    if len(colors) > _FEW_COLORS:
        return f"{reason} Draw without smoothed edges and save as PNG."
    return (
        f"{reason} It is painted in the colours of another table, blurred, or codes ids in red, green and "
        "blue, as panoptic masks do. Export it in the Cityscapes colours, or as ids in one channel."
    )


def colors_for_ids(known: bool, colors: Iterable[object], encoding: str) -> str:
    """Return the reason against colours where ids were expected; `known`: those of Cityscapes."""
    if known:
        return (
            f"The mask is taken for one of {WORDS[encoding]}, but holds the Cityscapes colours and not "
            "ids in one channel. If they are right, let the name end with _color.png; otherwise use "
            "the _labelIds.png file."
        )
    return (
        f"The mask holds colours, not {WORDS[encoding]} in one channel, such as RGB {some(colors, 3)}, "
        "which are not the Cityscapes colours either. Export it as PNG, one channel of 8 bits."
    )


def ids_for_colors(used: Sequence[int]) -> str:
    """Return the reason against ids where colours were expected."""
    return (
        f"The mask is taken for one of colours, but has one channel, with the values {some(used)}. Let "
        "its name end with _labelIds.png or _labelTrainIds.png."
    )


def other_table(source: str) -> str:
    """Return what to do if a mask contradicts the table beside it."""
    return (
        f"Remove {source} if it belongs to other masks. Otherwise give the masks the ids of Cityscapes, "
        "or export them from CVAT as Segmentation mask 1.1."
    )


def some(values: Iterable[object], count: int = 10) -> str:
    """Return the first values, separated by commas."""
    listed = list(values)
    return ", ".join(map(str, listed[:count])) + (", …" if len(listed) > count else "")
