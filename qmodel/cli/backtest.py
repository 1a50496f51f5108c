"""``qmodel backtest``: what a model predicts beside what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmodel.cli.options import Changes, Format, LogFormat, Output, Overrides, Shape, examples

__all__ = ["EPILOG", "MISSED", "command"]

MISSED = 99
"""Exit status where a prediction does not agree."""
EPILOG = examples(
    "qmodel backtest site.yaml k6/*.json",
    "qmodel backtest site.yaml steps.csv --tolerance 10% --output backtest.html",
)


def command(
    model_file: Annotated[
        Path, typer.Argument(metavar="MODEL", help="The model file: .yaml, .toml or .json.")
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...", help="Measurements at one load each, or at several loads."
        ),
    ],
    tolerance: Annotated[
        str,
        typer.Option("--tolerance", metavar="SHARE", help="Greatest error that agrees."),
    ] = "15%",
    component: Annotated[
        str | None,
        typer.Option(
            "--component",
            metavar="NAME",
            help="The component of the measurements, by default the first.",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="UNIT", help="Unit of times or rates that do not say it, as ms."
        ),
    ] = None,
    log_format: LogFormat = None,
    set_: Changes = None,
    override: Overrides = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Predict each load that was measured: exit status 0 if all agree, 99 if one does not.

    Test on loads that the calibration did not see: calibrate on the light half of a load
    test, and predict the other.
    """
    from qmodel import answers
    from qmodel.cli import model, numbers
    from qmodel.cli.calibrate import measurements
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.measurements import joined

    with writing(output) as write:
        it = model.asked(model_file, set_, override, default="")
        measured = measurements(files, unit, log_format)
        answer = answers.backtest(
            it.model,
            joined(measured),
            tolerance=numbers.share("--tolerance", tolerance, 1.0),
            component=component,
        )
        write(answer)
    show(answer, form)
    if not answer.good:
        raise typer.Exit(MISSED)
