"""The `streetloop` command. Each room defines its commands, which import heavy libraries when run."""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

import click

from components.contracts.process.errors import StreetloopError
from components.contracts.process.uncaught import exit_code
from pipelines.ablation.cli import ablate_command
from pipelines.annotate.cli import annotate_group
from pipelines.campaign.cli import compare_command, evaluate_command, status_command
from pipelines.campaign.feedback_cli import feedback_group
from pipelines.campaign.ledger_cli import ledger_group
from pipelines.cluster.cli import (
    cluster_group,
    compile_command,
    logs_command,
    runs_command,
    submit_command,
)
from pipelines.cluster.schedule_cli import (
    schedule_group,
    schedules_command,
    unschedule_command,
)
from pipelines.crossval.cli import crossval_command
from pipelines.export.cli import export_command
from pipelines.labels.cli import labels_group
from pipelines.local.cli import run_command, ui_command
from pipelines.predict.cli import predict_command
from pipelines.serve.cli import serve_command
from pipelines.simulate.cli import simulate_command


class Group(click.Group):
    """Prints an error that a person can act on, without a traceback; exits with 1 or 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(
                stream, io.TextIOWrapper
            ):  # a locale may lack a letter of a folder's name
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except StreetloopError as error:
            click.echo(f"streetloop: {error}", err=True)
            ctx.exit(exit_code(error))
        except OSError as error:
            # Whoever read the output has gone: click ends the command.
            if error.errno == errno.EPIPE:
                raise
            click.echo(
                f"streetloop: {error}. Check the path, its rights and the free space.", err=True
            )
            ctx.exit(1)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="streetloop")
def main() -> None:
    """Semantic segmentation of street scenes from few labels.

    \b
    Example: streetloop run pipelines/recipes/synthetic.yaml
    """


main.add_command(run_command)
main.add_command(ui_command)
main.add_command(status_command)
main.add_command(evaluate_command)
main.add_command(compare_command)
main.add_command(ledger_group)
main.add_command(feedback_group)
main.add_command(labels_group)
main.add_command(annotate_group)
main.add_command(predict_command)
main.add_command(export_command)
main.add_command(serve_command)
main.add_command(ablate_command)
main.add_command(crossval_command)
main.add_command(cluster_group)
main.add_command(simulate_command)
main.add_command(compile_command)
main.add_command(submit_command)
main.add_command(runs_command)
main.add_command(logs_command)
main.add_command(schedule_group)
main.add_command(schedules_command)
main.add_command(unschedule_command)

if __name__ == "__main__":
    main(prog_name="streetloop")
