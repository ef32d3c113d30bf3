"""`streetloop ui`: serve MLflow's pages of a campaign on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from components.contracts.process.errors import StreetloopError
from components.contracts.recipe.recipe import Recipe
from components.contracts.recipe.tracking import SQLITE, store_uri
from pipelines.campaign.mlflow_page import LOCAL, address_of
from pipelines.local.launch import child_environment
from pipelines.local.ports import check_free


def serve_ui(recipe: Recipe, root: str, port: int, *, show: bool = False) -> None:
    """Print the address of the campaign's page, and replace this process by a server if it needs one.

    Args:
      recipe: the resolved recipe.
      root: the campaign root.
      port: of the page, if the store is not a server.
      show: open the page in a browser.

    Raises:
      StreetloopError: the store does not exist, or the port is used.
    """
    store = store_uri(recipe.tracking, root)
    if store.startswith("http"):
        address = address_of(recipe, root)
        click.echo(f"This campaign is tracked by a server: open {address}")
        if show:
            _open_later(address, store)
        return
    database = Path(store.removeprefix(SQLITE))
    if not database.exists():
        raise StreetloopError(f"MLflow store not found: {database}. Run a cycle first.")
    check_free("127.0.0.1", port)
    address = address_of(recipe, root, port)  # also sets the environment of the server
    click.echo(f"MLflow: {address} (press Ctrl-C to stop)")
    if show:
        _open_later(address, f"{LOCAL}:{port}/health")
    artifacts = (database.parent / "artifacts").as_uri()
    # One worker is enough for one person, and takes a quarter of the memory of MLflow's four.
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store, "--workers", "1"]
    command += ["--default-artifact-root", artifacts, "--port", str(port)]
    os.execve(sys.executable, command, child_environment())


def _open_later(address: str, health: str) -> None:
    """Open the address in a browser from another process, once `health` answers."""
    command = [sys.executable, "-m", "pipelines.local.show", address, health]
    subprocess.Popen(command, env=child_environment())
