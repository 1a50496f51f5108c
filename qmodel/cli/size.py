"""``qmodel size``: the cheapest numbers of servers that meet the objectives."""

from __future__ import annotations

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Headroom,
    Objectives,
    Output,
    Overrides,
    Prices,
    Rate,
    Scenario,
    Shape,
    Spares,
    ThinkTime,
    Users,
    examples,
    pair,
)

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    'qmodel size site.yaml --rate 1200/s --objective "p99 < 300 ms"',
    'qmodel size site.yaml --users 400 --think-time 5s --objective "p99 < 1 s"',
    "qmodel size site.yaml --headroom 20% --spares 1 --output sizes.md",
    "qmodel size --price monolith.servers=3 --price database.servers=1",
)


def command(
    file: File = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    objective: Objectives = None,
    price: Prices = None,
    headroom: Headroom = "0%",
    spares: Spares = "0",
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Find the cheapest numbers of servers that meet all objectives, in all scenarios.

    The scenarios of the file must hold all at once: the peak, the night, a zone lost. Says
    what binds, and what one more of each would bring.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.console import progress
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    priced = [pair("--price", written) for written in price or ()]
    with writing(output) as write, progress("looking for the least cost"):
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
        plan = it.site.sizing(prices={n: numbers.number("--price", p) for n, p in priced})
        answer = answers.size(
            it.model,
            it.load,
            objectives=it.objectives,
            prices=plan.prices,
            scenarios=plan.scenarios,
            headroom=numbers.share("--headroom", headroom, 5.0),
            spares=int(numbers.number("--spares", spares, zero=True)),
        )
        write(answer)
    show(answer, form)
