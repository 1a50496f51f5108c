"""``qmodel retries``: up to which load a site whose clients try again is healthy."""

from __future__ import annotations

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Output,
    Overrides,
    Rate,
    Scenario,
    Shape,
)

__all__ = ["command"]


def command(
    file: File = None,
    rate: Rate = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say what tips a site whose clients give up and try again, and what brings it back.

    The file must have a timeout, and a retry around it.
    """
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        it = model.asked(file, set_, override, scenario=scenario, rate=rate)
        answer = answers.hysteresis(it.model, it.rate())
        write(answer)
    show(answer, form)
