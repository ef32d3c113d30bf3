"""The runner of the benchmarks: every benchmark is known to it, and its page says what was found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import run, selection
from benchmarks.figures import FILE, Figure, by_turns, read_figures, report, speedups
from components.query.strategies import STRATEGIES

FAST = Figure("reading", "a peer", (2.0, 3.0, 10.0), 2.5)
HEAVY = Figure("memory", "a limit", (90.0,), 80, "MB", at_least=False)


def test_figures_that_a_benchmark_reports_reach_the_page_and_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "figures"))
    report(FAST)
    report(HEAVY)
    figures = read_figures(tmp_path / "figures")
    assert figures == [FAST, HEAVY]
    page = run.page(figures, "A machine.", ["rle"], ["cycle"])
    assert "| reading | a peer | 3 times | 2 to 10, 3 rounds | at least 2.5 | yes |" in page
    assert "| memory | a limit | 90 MB | one round | at most 80 | **no** |" in page
    assert "These failed: rle." in page
    assert "Not run this time: cycle." in page
    run.draw(figures, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_every_name_is_a_benchmark() -> None:
    folder = Path(run.__file__).parent
    assert [name for name in run.NAMES if not (folder / f"{name}.py").exists()] == []


def test_the_random_pool_of_selection_has_what_every_strategy_looks_at() -> None:
    pool = selection.pool_of(1000, 4)
    for strategy in STRATEGIES.values():
        ranker = strategy.rank(pool, np.random.default_rng(0), 2)
        assert np.isfinite(ranker.scores(np.ones(len(pool), bool))).all()


def test_ways_take_turns_and_the_first_round_does_not_count() -> None:
    clock = iter(range(100))
    order: list[str] = []
    ways = {name: lambda name=name: order.append(name) for name in "ab"}
    taken = by_turns(ways, 2, lambda: float(next(clock)))
    assert order == list("ababab")
    assert taken == {"a": [1.0, 1.0], "b": [1.0, 1.0]}
    assert speedups([4.0, 9.0], [2.0, 3.0]) == (2.0, 3.0)
