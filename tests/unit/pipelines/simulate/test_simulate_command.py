"""The command's options: each mistake is one clear message, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.support.campaigns import SMOKE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategies", "entropy,guess"], "Not a list of strategies: 'entropy,guess'"),
        (["--strategies", "entropy,entropy"], "Not a list of strategies"),
        (["--baseline", "guess"], "with the baseline 'guess'"),
        (["--strategies", "discriminator"], "A simulation cannot use discriminator: it trains"),
        (["--seeds", "0,x"], "Give --seeds different whole numbers"),
        (["--budgets", "8,8"], "Give --budgets different whole numbers"),
        (["--budgets", "0,8"], "A budget is 0."),
        (["--strategies", "kcenter@region"], "Not a list of strategies: 'kcenter@region'"),
        (["--strategies", "discriminator@region"], "A simulation cannot use discriminator@region"),
        ([], "train.network.encoder has no pretrained weights (its name is unet"),
    ],
    ids=[
        "unknown",
        "twice",
        "baseline",
        "discriminator",
        "seeds",
        "budgets",
        "zero",
        "whole images only",
        "discriminator of regions",
        "encoder",
    ],
)
def test_a_mistake_is_named(tmp_path: Path, options: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["simulate", SMOKE, "--root", str(tmp_path / "s"), *options])
    assert done.exit_code == 2
    assert message in done.output
    assert not list(tmp_path.glob("s/simulations*"))
