"""``qmodel outages``: what the loss of a cache, a server or a zone does."""

from __future__ import annotations

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Objectives,
    Output,
    Overrides,
    Rate,
    Scenario,
    Shape,
    ThinkTime,
    Users,
    Zones,
)

__all__ = ["command"]


def command(
    file: File = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    objective: Objectives = None,
    zones: Zones = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say what the loss of each cache, server and zone does to the site."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write, progress("losing each"):
        it = model.asked(
            file,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            users=users,
            think_time=think_time,
            objectives=objective,
        )
        answer = answers.outages(
            it.model,
            it.load,
            objectives=it.objectives,
            zones=model.zones_of(it, zones),
            spread=it.site.zones.spread if it.site.zones else None,
        )
        write(answer)
    show(answer, form)
