"""The options that the commands on a cluster share."""

from __future__ import annotations

import functools

from pipelines.options import with_recipe

with_pods_recipe = functools.partial(
    with_recipe, root="The campaign root that pods see [default: <name> on cluster.volume]."
)
