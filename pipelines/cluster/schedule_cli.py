"""`streetloop schedule …`, and the older `schedules` and `unschedule`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from components.contracts.process.errors import UsageError
from pipelines.cluster.options import with_pods_recipe
from pipelines.options import Chosen

if TYPE_CHECKING:
    from pipelines.cluster.schedule import Schedule

_FIRINGS = 3


class _Group(click.Group):
    """Takes `schedule RECIPE --cron …`, as it was before there were other commands, for `create`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `create` before arguments that name no command."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group("schedule", cls=_Group)
def schedule_group() -> None:
    """Run a campaign's cycles on the cluster at set times."""


@schedule_group.command("create")
@with_pods_recipe
@click.option(
    "--cron",
    metavar="FIELDS",
    help="Minute hour day month weekday, in UTC; a sixth field before them is the second.",
)
@click.option("--interval", metavar="TIME", help="In place of --cron: 90m, 6h or 1d.")
@click.option("--replace", is_flag=True, help="Replace a schedule of the campaign that differs.")
def create_command(chosen: Chosen, cron: str | None, interval: str | None, replace: bool) -> None:
    """Run one cycle on the cluster at each scheduled time.

    The same command again changes nothing.

    \b
    Example: streetloop schedule create pipelines/recipes/cityscapes.yaml --cron "0 2 * * *"
    """
    from pipelines.cluster.cron import interval_words, parse_cron, parse_interval
    from pipelines.cluster.schedule import Trigger, schedule

    if (cron is None) == (interval is None):
        raise UsageError("Give one of --cron and --interval.")
    now = datetime.now(UTC)
    if cron is not None:
        fields = parse_cron(cron)
        trigger, words, times = Trigger(fields.text), fields.words(), fields.next_times(now)
    else:
        seconds = parse_interval(interval or "")
        trigger, words = Trigger(interval=seconds), interval_words(seconds)
        times = [now + timedelta(seconds=seconds * n) for n in range(1, _FIRINGS + 1)]
    made = schedule(chosen.recipe(), chosen.root, trigger, replace=replace)
    done = {"created": "Scheduled", "replaced": "Replaced the schedule:", "unchanged": "Unchanged:"}
    click.echo(f"{done[made.how]} {made.started.id}, one cycle at a time: {made.started.url}")
    if not made.enabled:
        click.echo(f"It is paused and would fire {words}. `streetloop schedule resume` resumes it.")
        return
    click.echo(f"It fires {words}.")
    if made.how == "unchanged" and interval is not None:
        return  # counted from a time that only the server knows
    for moment in times:
        click.echo(f"  {moment:%a %Y-%m-%d %H:%M:%S} UTC")


def _list(chosen: Chosen) -> None:
    from pipelines.cluster.schedule import list_schedules

    recipe = chosen.recipe()
    rows = list_schedules(recipe)
    for row in rows:
        state = "on" if row.enabled else "off"
        click.echo(f"{row.name}  {row.trigger}  {state}  {row.id}")
    if not rows:
        click.echo(f"There is no schedule in experiment {recipe.cluster.experiment}.")


def _say(done: str, rows: list[Schedule]) -> None:
    for row in rows:
        click.echo(f"{done} schedule {row.name} ({row.trigger}), {row.id}.")


def _delete(chosen: Chosen) -> None:
    from pipelines.cluster.schedule import delete_schedule

    _say("Deleted", delete_schedule(chosen.recipe()))


@schedule_group.command("list")
@with_pods_recipe
def list_command(chosen: Chosen) -> None:
    """List the schedules in the recipe's experiment on the cluster.

    \b
    Example: streetloop schedule list pipelines/recipes/cityscapes.yaml
    """
    _list(chosen)


@schedule_group.command("pause")
@with_pods_recipe
def pause_command(chosen: Chosen) -> None:
    """Pause the schedule of a campaign.

    A run that has started continues.

    \b
    Example: streetloop schedule pause pipelines/recipes/cityscapes.yaml
    """
    from pipelines.cluster.schedule import pause_schedule

    _say("Paused", pause_schedule(chosen.recipe()))


@schedule_group.command("resume")
@with_pods_recipe
def resume_command(chosen: Chosen) -> None:
    """Resume the schedule of a campaign.

    What it missed is not made up for.

    \b
    Example: streetloop schedule resume pipelines/recipes/cityscapes.yaml
    """
    from pipelines.cluster.schedule import resume_schedule

    _say("Resumed", resume_schedule(chosen.recipe()))


@schedule_group.command("delete")
@with_pods_recipe
def delete_command(chosen: Chosen) -> None:
    """Delete the schedule of a campaign.

    A run that has started continues.

    \b
    Example: streetloop schedule delete pipelines/recipes/cityscapes.yaml
    """
    _delete(chosen)


@click.command("schedules")
@with_pods_recipe
def schedules_command(chosen: Chosen) -> None:
    """Do what `schedule list` does.

    \b
    Example: streetloop schedules pipelines/recipes/cityscapes.yaml
    """
    _list(chosen)


@click.command("unschedule")
@with_pods_recipe
def unschedule_command(chosen: Chosen) -> None:
    """Do what `schedule delete` does.

    \b
    Example: streetloop unschedule pipelines/recipes/cityscapes.yaml
    """
    _delete(chosen)
