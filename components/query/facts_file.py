"""The facts of some images as a file, with every number as it was."""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import islice

import numpy as np

from components.query.facts import Facts

FORMAT = 2  # goes up if the file changes: files of another number are not read


def encode(facts: Mapping[str, Facts]) -> bytes:
    """Return the facts of at least one image as an .npz file.

    Doubt by a measure that an image was not given, such as that of a second look, is NaN in the file.
    The rows of an image's regions follow its own.
    """
    rows = [row for image in facts.values() for row in (image, *image.regions)]
    measures = sorted({name for row in rows for name in row.uncertainty})
    doubt = [[row.uncertainty.get(name, np.nan) for name in measures] for row in rows]
    buffer = io.BytesIO()
    np.savez(
        buffer,
        ids=np.array(list(facts), str),
        measures=np.array(measures, str),
        embedding=np.stack([image.embedding for image in facts.values()]),
        regions=np.array([len(image.regions) for image in facts.values()]),
        uncertainty=np.array(doubt, np.float64),
        class_uncertainty=np.stack([row.class_uncertainty for row in rows]),
        class_share=np.stack([row.class_share for row in rows]),
        confidence=np.array([row.confidence for row in rows], np.float64),
    )
    return buffer.getvalue()


def decode(data: bytes) -> dict[str, Facts]:
    """Read what `encode` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        measures = file["measures"].tolist()
        rows = zip(
            file["uncertainty"].tolist(),
            file["class_uncertainty"],
            file["class_share"],
            file["confidence"].tolist(),
            strict=True,
        )
        images = zip(file["ids"].tolist(), file["embedding"], file["regions"].tolist(), strict=True)
        facts = {}
        for image_id, embedding, regions in images:
            one, *parts = (
                Facts(
                    embedding,
                    {n: x for n, x in zip(measures, doubt, strict=True) if x == x},  # not NaN
                    by_class,
                    share,
                    confidence,
                )
                for doubt, by_class, share, confidence in islice(rows, 1 + regions)
            )
            facts[image_id] = one._replace(regions=tuple(parts))
        return facts
