"""The arguments of `streetloop compare` and `streetloop ui`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import load
from pipelines.campaign.cli import _chosen
from pipelines.cli import main
from pipelines.local.ui import serve_ui


@pytest.mark.parametrize(
    ("text", "recipe", "root"),
    [
        ("a.yaml", "a.yaml", None),
        ("a.yaml@runs/b", "a.yaml", "runs/b"),
        ("a.yaml@gs://bucket/a@b", "a.yaml", "gs://bucket/a@b"),
        ("a@b.yaml", "a@b.yaml", None),
        ("a@b.yaml@runs/c", "a@b.yaml", "runs/c"),
        ("a.yaml@", "a.yaml", None),
        ("missing.yaml@runs/a@b", "missing.yaml", "runs/a@b"),
    ],
)
def test_compare_finds_the_recipe_before_the_root(
    text: str, recipe: str, root: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "a@b.yaml"):
        Path(name).write_text("name: a")
    chosen = _chosen(text)
    assert (str(chosen.path), chosen.root) == (recipe, root)


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_ui_rejects_an_impossible_port(port: str) -> None:
    done = CliRunner().invoke(main, ["ui", "recipe.yaml", "--port", port])
    assert done.exit_code == 2
    assert "1<=x<=65535" in done.output


def test_ui_says_that_a_port_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "mlflow.db").touch()
    recipe = tmp_path / "a.yaml"
    recipe.write_text("name: a")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(
            StreetloopError, match=f"Cannot listen on port {port} of 127.0.0.1: .*--port"
        ):
            serve_ui(load(recipe), str(tmp_path / "a"), port)
