"""``qmodel backtest``: what a model predicts beside what was measured."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["MISSED", "command"]

MISSED = 99
"""Exit status where a prediction does not agree."""


@click.command(
    "backtest",
    no_args_is_help=True,
    epilog=options.examples(
        "qmodel backtest site.yaml k6/*.json",
        "qmodel backtest site.yaml steps.csv --tolerance 10% --output backtest.html",
    ),
)
@click.argument(
    "file",
    type=options.PATH,
    metavar="MODEL",
    help="The model file: .yaml, .toml or .json.",
)
@options.files(
    "Measurements at one load each, or at several loads.",
    required=True,
)
@click.option("--tolerance", metavar="SHARE", default="15%", help="Greatest error that agrees.")
@click.option(
    "--component",
    metavar="NAME",
    help="The component of the measurements, by default the first.",
)
@options.unit
@options.log_format
@options.changes
@options.overrides
@options.printed
def command(
    files: Sequence[Path],
    tolerance: str,
    component: str | None,
    unit: str | None,
    log_format: str | None,
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
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
        it = model.asked(**question, default="")
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
        sys.exit(MISSED)
