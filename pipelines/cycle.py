"""The DAG of one cycle. The same source runs on one machine and on a cluster."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from components.contracts.ledger.lease import NO_CYCLE
from components.contracts.step.plan import Plan
from components.cycle.component import close_cycle, open_cycle
from components.evaluate.component import evaluate
from components.feedback.component import feedback
from components.preprocess.component import preprocess
from components.query.component import look, query
from components.split.component import split
from components.train.component import train
from pipelines.light.component import prepare

# customize(task, step): adds what the place where the pipeline runs needs.
Customize = Callable[[dsl.PipelineTask, str], None]
NAME = "streetloop-cycle"
_DESCRIPTION = "One active-learning cycle: ingest labels, train, evaluate, ask for labels."


def _unchanged(task: dsl.PipelineTask, step: str) -> None:
    """Leave a task as it is: a local run has no images, volumes or GPUs to ask for."""


def connect(
    recipe: Any,
    root: Any,
    owner: Any,
    take_over: Any,
    customize: Customize = _unchanged,
    *,
    fuse: bool = False,
    shards: int = 1,
) -> None:
    """Add the tasks of one cycle in their order. Call it in the body of a pipeline.

    Args:
      recipe: the resolved recipe, JSON.
      root: the campaign root: a folder, a mounted volume, or gs:// or s3://bucket/prefix.
      owner: this run, which holds the cycle's lease.
      take_over: no other run of this campaign can be alive (local runs, which hold a lock).
      customize: called with every task and the name of its step.
      fuse: run the steps before the training in one task.
      shards: how many tasks share the images that the query looks at.
    """

    def add(component: Any, **inputs: Any) -> Any:
        task = component(recipe=recipe, root=root, **inputs)
        # Every task reads or writes the campaign, which KFP's cache knows nothing about.
        task.set_caching_options(False)
        customize(task, component.name)
        return task

    def ask(lease: dict[str, Any], records: Any, before: Any = None) -> None:
        if shards > 1:
            with dsl.ParallelFor(list(range(1, shards + 1)), name="shards") as shard:
                looked = add(look, **lease, records=records, shard=shard)
                if before is not None:
                    looked.after(before)
            before = looked
        asked = add(query, **lease, records=records)
        if before is not None:
            asked.after(before)

    def decide(plan: Any, lease: dict[str, Any], records: Any, parts: Callable[[], Any]) -> None:
        with dsl.If(plan == Plan.TRAIN.value, name="train"):
            trained = add(train, **lease, records=records, parts=parts())
            evaluated = add(evaluate, **lease, records=records, model=trained.output)
            ask(lease, records, evaluated)
        with dsl.If(plan == Plan.ASK.value, name="only-ask"):
            ask(lease, records)

    closing = add(close_cycle, owner=owner)
    with dsl.ExitHandler(closing, name="cycle"):
        if fuse:
            prepared = add(prepare, owner=owner, take_over=take_over)
            handed = prepared.outputs
            lease = {"cycle": handed["cycle"], "fence": handed["fence"]}
            decide(handed["Output"], lease, handed["records"], lambda: handed["parts"])
            return
        opened = add(open_cycle, owner=owner, take_over=take_over)
        number = opened.outputs["Output"]
        lease = {"cycle": number, "fence": opened.outputs["fence"]}
        # A run that opens no cycle ends here: the other pods are not even scheduled.
        with dsl.If(number != NO_CYCLE.cycle, name="opened"):
            records = add(preprocess, **lease).output
            ingested = add(feedback, **lease, records=records)
            decide(
                ingested.output,
                lease,
                records,
                lambda: add(split, **lease, records=records).output,
            )


@dsl.pipeline(name=NAME, description=_DESCRIPTION)
def cycle(recipe: str, root: str, owner: str, take_over: bool = False) -> None:
    """One cycle on this machine, where the command names the owner and holds the campaign."""
    connect(recipe, root, owner, take_over)


def cluster_cycle(
    customize: Customize, keep_seconds: int | None = None, *, fuse: bool = False, shards: int = 1
) -> Any:
    """Return the pipeline of one cycle on a cluster.

    Args:
      customize: called with every task and the name of its step.
      keep_seconds: the time after a run's end when the cluster deletes its workflow and pods; None:
        as it does by default.
      fuse: run the steps before the training in one pod.
      shards: how many pods share the images that the query looks at.
    """
    config = dsl.PipelineConfig(ttl_seconds_after_finished=keep_seconds)

    @dsl.pipeline(name=NAME, description=_DESCRIPTION, pipeline_config=config)
    def on_cluster(recipe: str, root: str) -> None:
        """One cycle of the campaign at `root`.

        Args:
          recipe: the resolved recipe, JSON.
          root: the campaign root: gs:// or s3://bucket/prefix, or a path on the mounted volume.
        """
        # A constant of each task: a cluster resolves the placeholder only there. As a parameter's
        # default it would arrive literally: the same owner in every run.
        owner = dsl.PIPELINE_JOB_ID_PLACEHOLDER
        connect(recipe, root, owner, False, customize, fuse=fuse, shards=shards)

    return on_cluster
