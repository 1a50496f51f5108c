"""``qmodel calibrate``: a model file from files of measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qmodel.cli import options

if TYPE_CHECKING:
    from qmodel.measurements import Measurements

__all__ = ["command", "measurements"]


@click.command(
    "calibrate",
    no_args_is_help=True,
    epilog=options.examples(
        "qmodel calibrate spans.json redis.txt --servers app=16 --servers db=8 -o site.yaml",
        "qmodel calibrate k6/*.json --servers site=50 -o site.yaml",
        "qmodel backtest site.yaml heavier/*.json",
    ),
)
@options.files(
    "Measurements of one site, each of any kind: OpenTelemetry spans and INFO of Redis of "
    "a light run, latencies of a load test at several loads, access logs.",
    required=True,
)
@click.option(
    "--servers",
    metavar="NAME=NUMBER",
    multiple=True,
    help="Servers of a component, where they are known: threads, connections, cores. May be "
    "repeated; a load test without spans is the component site.",
)
@options.unit
@options.log_format
@options.form
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    metavar="FILE",
    help="Write the model file: .yaml, .toml or .json, with load, spreads, and the region that "
    "was measured.",
)
def command(
    files: Sequence[Path],
    servers: Sequence[str],
    unit: str | None,
    log_format: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Calibrate a model from measurements, and say how well each number is known.

    The file that it writes is a model like others: `qmodel solve`, `size`, `report` and
    `uncertainty` ask it, and warn where a question leaves what was measured.
    """
    from qmodel import answers
    from qmodel.cli import numbers
    from qmodel.cli.render import show
    from qmodel.errors import DomainError
    from qmodel.files import Site, write_model
    from qmodel.loads import Poisson
    from qmodel.measurements import calibrate_site

    known: dict[str, int] = {}
    for name, number in (options.pair("--servers", written) for written in servers):
        if name in known:
            raise DomainError(f"--servers {name} is given twice")
        known[name] = numbers.whole(f"--servers {name}", number)
    if output is not None and output.resolve() in {file.resolve() for file in files}:
        raise DomainError(f"--output {str(output)!r} would overwrite a file of measurements")
    measured = measurements(files, unit, log_format)
    found = calibrate_site(measured, servers=known)
    if output is not None:
        seen = Poisson(found.load) if found.load == found.load else None
        site = Site(
            model=found.model,
            title=f"Calibrated from {', '.join(file.name for file in files)}",
            load=seen,
            spreads=found.spreads,
            measured=found.region,
        )
        write_model(site, output)
    show(answers.calibration(found), form)
    if output is not None:
        click.echo(f"wrote {output}", err=True)


def measurements(
    files: Sequence[Path], unit: str | None = None, log_format: str | None = None
) -> list[Measurements]:
    """Return what files hold, and say how each was read; the format is that of access logs."""
    from qmodel.measurements import read

    found = []
    for file in files:
        found.append(read(file, log_format, unit=unit))
        _tell(found[-1])
    return found


def _tell(measured: Measurements) -> None:
    """Say how a file was read: what was assumed, and what could not be read."""
    for note in measured.notes:
        click.echo(f"{measured.source}: {note}", err=True)
    if measured.bad_lines:
        click.echo(
            f"{measured.source}: {measured.bad_lines:,} bad lines left out; the first is "
            f"{measured.first_bad}",
            err=True,
        )
