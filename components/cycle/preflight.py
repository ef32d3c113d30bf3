"""Check that the pods of a run can use the campaign root, before anything is opened or trained."""

from __future__ import annotations

from components.contracts.recipe.pod import bytes_of
from components.contracts.step.context import Context
from components.contracts.storage.errors import StorageError


def check_root(context: Context) -> None:
    """Try to write, rename and hard-link in the campaign root, and look for free space.

    Raises:
      StorageError: one of them is impossible; the message names what to do.
    """
    context.storage.check_usable()
    free, asked = context.storage.free_bytes(), context.recipe.cluster.min_free
    if free is not None and free < bytes_of(asked):
        raise StorageError(
            f"{context.root} has {free / 1e9:.2f} GB free, and cluster.min_free asks for {asked}. Free "
            "space there, enlarge the volume, or lower cluster.min_free."
        )
