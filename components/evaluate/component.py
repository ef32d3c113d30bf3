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
    """Scores the model, compares it with the champion on `dev`; returns whether it was promoted."""
    from components.evaluate.artifacts import fill
    from components.evaluate.step import run

    outputs = run(recipe, root, cycle, fence, records, model)
    fill(root, outputs, metrics, confusion, report)
    return outputs["promoted"]
