"""``qmodel params``: every parameter of a model, with value, unit and meaning."""

from __future__ import annotations

from qmodel.cli.options import (
    Changes,
    File,
    Format,
    Output,
    Overrides,
    Scenario,
    Shape,
)

__all__ = ["command"]


def command(
    file: File = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """List every parameter that --set, --over and prices take: value, unit and meaning."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    with writing(output) as write:
        it = model.asked(file, set_, override, scenario=scenario)
        answer = answers.parameters(it.model)
        write(answer)
    show(answer, form)
