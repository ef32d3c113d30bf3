"""Write the labeling config of a Label Studio project."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from tfds_cityscapes.labels import TRAIN_LABELS


def labeling_config() -> str:
    """Return the labeling config: a brush and polygons for the 19 classes, in their colours."""
    rows = [
        f"    <Label value={quoteattr(row.name)} background={quoteattr(_hex(row.color))}/>"
        for row in TRAIN_LABELS
    ]
    return "\n".join(
        [
            "<View>",
            '  <Image name="image" value="$image" zoom="true" zoomControl="true"/>',
            '  <BrushLabels name="brush" toName="image">',
            *rows,
            "  </BrushLabels>",
            '  <PolygonLabels name="polygon" toName="image" strokeWidth="2" opacity="0.5">',
            *rows,
            "  </PolygonLabels>",
            "</View>",
        ]
    )


def _hex(color: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in color)
