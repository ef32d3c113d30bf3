"""The DAG of one cycle. The same source runs on one machine and on a cluster."""

from kfp import dsl

from components.cycle.component import close_cycle, open_cycle
from components.evaluate.component import evaluate
from components.feedback.component import feedback
from components.feedback.step import ASK, TRAIN
from components.preprocess.component import preprocess
from components.query.component import query
from components.split.component import split
from components.train.component import train


def _stateful(task: dsl.PipelineTask) -> dsl.PipelineTask:
    """Every task reads or writes the campaign, which KFP's cache knows nothing about."""
    return task.set_caching_options(False)


@dsl.pipeline(
    name="streetloop-cycle",
    description="One active-learning cycle: take labels in, train, evaluate, ask for labels.",
)
def cycle(
    recipe: str, root: str, owner: str = dsl.PIPELINE_JOB_ID_PLACEHOLDER, take_over: bool = False
):
    """Runs one cycle of the campaign at `root`.

    Args:
      recipe: the resolved recipe, JSON.
      root: the campaign root: a folder, a mounted volume, or gs://bucket/prefix.
      owner: who holds the cycle's lease: this run.
      take_over: no other run of this campaign can be alive (local runs, which hold a lock).
    """
    closing = _stateful(close_cycle(recipe=recipe, root=root, owner=owner))
    with dsl.ExitHandler(closing, name="cycle"):
        opened = _stateful(open_cycle(recipe=recipe, root=root, owner=owner, take_over=take_over))
        lease = {
            "recipe": recipe,
            "root": root,
            "cycle": opened.outputs["cycle"],
            "fence": opened.outputs["fence"],
        }
        prepared = _stateful(preprocess(**lease))
        records = prepared.output
        ingested = _stateful(feedback(**lease, records=records))
        with dsl.If(ingested.output == TRAIN, name="train"):
            parts = _stateful(split(**lease, records=records))
            trained = _stateful(train(**lease, records=records, parts=parts.output))
            evaluated = _stateful(evaluate(**lease, records=records, model=trained.output))
            asked = _stateful(query(**lease, records=records))
            asked.after(evaluated)
        with dsl.If(ingested.output == ASK, name="only-ask"):
            _stateful(query(**lease, records=records))
