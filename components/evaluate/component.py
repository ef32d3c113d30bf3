"""Evaluate, for KFP."""

from kfp import dsl

from components.contracts.process.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    recipe: str,
    root: str,
    cycle: int,
    fence: int,
    records: str,
    model: str,
    metrics: dsl.Output[dsl.Metrics],
    confusion: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.HTML],
) -> bool:
    """Score the model, compare it with the champion on `dev`; return whether it was promoted."""
    from components.evaluate.artifacts import fill
    from components.evaluate.step import run

    result = run(recipe, root, cycle, fence, records, model)
    fill(root, result, metrics, confusion, report)
    return result.promoted
