"""Look at one part of the images that a query ranks, as a task of its own on a cluster.

The facts of an image depend on nothing but the image and the model, so the query is the same however
many parts there are. It looks at what no part has seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from components.contracts.ledger import layout
from components.contracts.process.progress import tell
from components.contracts.step.context import Context, begin
from components.contracts.step.done import hash_inputs, read_marker
from components.contracts.step.results import LookResult
from components.query import facts_file
from components.query.ask import facts_for
from components.query.facts import Facts
from components.query.pool import Images
from components.query.situation import images_of, load_model, own_model, room_for
from components.query.strategies import looks
from components.query.watch import Watcher

if TYPE_CHECKING:
    from components.contracts.data.records import Records


class Part(NamedTuple):
    """One part: its images, the name of its done marker, and everything that decides its facts."""

    images: Images
    marker: str
    inputs: dict[str, Any]


def run(recipe: str, root: str, cycle: int, fence: int, records: str, shard: int) -> int:
    """Store the facts of a part of the images, if the query of this cycle will look at them.

    Args:
      recipe: the resolved recipe, JSON; `cluster.shards` is the number of parts.
      root: the campaign root's URI.
      cycle: the cycle.
      fence: of the lease.
      records: the folder of the records.
      shard: number of the part, from 1.

    Returns:
      the number of images.
    """
    begin("look")
    context = Context(recipe, root, cycle, fence)
    context.keep_log(layout.look_task(shard))
    settings, state = context.recipe.query, context.ledger.state()
    asked = f"query/{cycle}" in state.keys
    if asked or state.champion is None or not looks(settings.strategy):
        tell("look", "The query of this cycle does not look at the images.")
        return 0
    if room_for(settings, state) <= 0 or shard > context.recipe.cluster.shards:
        tell("look", "There is nothing to ask for, or no such part.")
        return 0
    model, index = state.champion.model, context.records(records)
    images = images_of(state, index, settings)
    part = _part(context, images, model, records, shard)
    if not images.candidates or not any(part.images):
        return 0
    return context.once(
        part.marker, part.inputs, LookResult, lambda: _look(context, part, images, model, index)
    ).images


def stored(
    context: Context, images: Images, model: str, records: str
) -> Iterator[tuple[dict[str, Facts], bytes | None]]:
    """Yield what each part has seen with this model: facts by image id, and the watcher's sample.

    Args:
      context: the query's.
      images: all that it ranks.
      model: that looks.
      records: the folder of the records.
    """
    for shard in range(1, context.recipe.cluster.shards + 1):
        # First, as on one machine there is none, and nothing needs to be hashed.
        marker = read_marker(context.storage, context.cycle, layout.look_task(shard))
        if marker is None:
            continue
        part = _part(context, images, model, records, shard)
        if marker.inputs_sha256 != hash_inputs(part.inputs):
            continue
        found = LookResult.model_validate(marker.outputs)
        sample = None if found.sample is None else context.storage.read(found.sample)
        yield facts_file.decode(context.storage.read(found.facts)), sample


def _part(context: Context, images: Images, model: str, records: str, shard: int) -> Part:
    """Return every n-th image: neighbours in the list may differ in size, and so in cost."""
    recipe, shards = context.recipe, context.recipe.cluster.shards
    # Of an image that is in both, only a candidate's facts say what its regions show.
    labeled = sorted({*images.labeled} - {*images.candidates})
    own = Images(images.candidates[shard - 1 :: shards], labeled[shard - 1 :: shards])
    inputs = {
        "format": facts_file.FORMAT,
        "model": model,
        "own": own_model(context),
        "settings": recipe.query.model_dump(mode="json"),
        "inference": recipe.inference.model_dump(mode="json"),
        "records": records,
        "images": hash_inputs(images._asdict()),
        "shard": shard,
        "shards": shards,
    }
    return Part(own, layout.look_task(shard), inputs)


def _look(context: Context, part: Part, images: Images, model: str, index: Records) -> LookResult:
    recipe, digest = context.recipe, hash_inputs(part.inputs)
    watcher = Watcher(model, images.candidates)
    facts = facts_for(
        index,
        *part.images,
        recipe.query,
        load_model(context, model),
        (recipe.seed, context.cycle),
        watcher.see,
    )
    name = layout.seen_facts(context.cycle, digest)
    context.storage.write(name, facts_file.encode(facts))
    sample = None
    if own_model(context) == model:
        sample = layout.seen_sample(context.cycle, digest)
        context.storage.write(sample, watcher.sample.encode())
    return LookResult(images=len(facts), facts=name, sample=sample)
