"""The options that several commands share, each a decorator, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import click

__all__ = [
    "FORMATS",
    "OBJECTIVE",
    "PATH",
    "Question",
    "changed",
    "changes",
    "examples",
    "file",
    "files",
    "form",
    "headroom",
    "load",
    "log_format",
    "objectives",
    "output",
    "overrides",
    "pair",
    "prices",
    "printed",
    "rate",
    "scenario",
    "spares",
    "think_time",
    "unit",
    "zones",
]

OBJECTIVE = "p99 < 300 ms"
"""What must hold where nothing is said."""

FORMATS = ("table", "json", "csv", "markdown")
"""How an answer is printed."""

PATH = click.Path(path_type=Path)

_Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


class Question(TypedDict, total=False):
    """What the shared options ask, which `qmodel.cli.model.asked` takes as it is."""

    file: Path | None
    rate: str | None
    users: str | None
    think_time: str | None
    objectives: Sequence[str]
    changes: Sequence[str]
    overrides: Sequence[Path]
    scenario: str | None


def _together(*options: _Decorator) -> _Decorator:
    """Return several options as one decorator; help lists them in this order."""

    def together(command: Callable[..., Any]) -> Callable[..., Any]:
        """Give a command all of them."""
        return reduce(lambda decorated, option: option(decorated), reversed(options), command)

    return together


file = click.argument(
    "file",
    type=PATH,
    required=False,
    metavar="[FILE]",
    help="A model file, such as `qmodel init` writes: .yaml, .toml or .json. Without one the "
    "typical web pipeline is asked.",
)


def files(help_: str, *, required: bool = False) -> _Decorator:
    """Return the argument of a command that reads several files, or none unless required."""
    return click.argument(
        "files",
        type=PATH,
        nargs=-1,
        required=required,
        metavar="FILES..." if required else "[FILES]...",
        help=help_,
    )


rate = click.option(
    "--rate",
    metavar="RATE",
    help="Requests that arrive, such as 2000/s, 18k/s or 90k/min; by default what the file "
    "says, else 60 % of what can be sustained.",
)
think_time = click.option(
    "--think-time",
    metavar="TIME",
    help="Time that a user thinks between an answer and the next request [0 s].",
)
load = _together(
    rate,
    click.option(
        "--users",
        metavar="NUMBER",
        help="In place of --rate: users who wait for each answer before they ask again.",
    ),
    think_time,
)
objectives = click.option(
    "--objective",
    "objectives",
    metavar="TEXT",
    multiple=True,
    help="What must hold, such as 'p99 < 300 ms' or 'loss < 0.1 %'; in place of those of the "
    "file. May be repeated.",
)
changes = click.option(
    "--set",
    "changes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Change a parameter, such as database.servers=20, cache.hit_ratio=95% or "
    "'database.service_time=4 ms'; `qmodel params` lists them. May be repeated.",
)
overrides = click.option(
    "--override",
    "overrides",
    type=PATH,
    metavar="FILE",
    multiple=True,
    help="Lay another model file over the first: what it says stands in place of it. May be "
    "repeated; the last one is uppermost.",
)
scenario = click.option(
    "--scenario", metavar="NAME", help="A scenario of the file, such as 'a zone lost'."
)
changed = _together(changes, overrides, scenario)
zones = click.option(
    "--zones",
    metavar="NUMBER",
    help="Zones over which the servers are spread, >= 2 [of the file, else 3].",
)
prices = click.option(
    "--price",
    "prices",
    metavar="NAME=NUMBER",
    multiple=True,
    help="What to size, and the price of one: app.servers=3. May be repeated; by default the "
    "prices of the file, else the servers of each station at 1.",
)
headroom = click.option(
    "--headroom",
    metavar="SHARE",
    default="0%",
    help="Share by which loads may exceed what is said.",
)
spares = click.option(
    "--spares", metavar="NUMBER", default="0", help="How many more of each to have: N + k."
)
unit = click.option(
    "--unit", metavar="UNIT", help="Unit of times or rates that do not say it, as ms."
)
log_format = click.option(
    "--log-format",
    metavar="FORMAT",
    help="Format of an access log of your own, as nginx writes it: '$remote_addr "
    '[$time_local] "$request" $status $request_time\'.',
)
form = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    help="How to print. JSON has times in seconds, and 'inf' as text.",
)
output = click.option(
    "--output",
    "-o",
    type=PATH,
    metavar="FILE",
    help="Also write it: .csv, .csv.gz, .parquet, .json, .md or .html.",
)
printed = _together(form, output)


def examples(*lines: str) -> str:
    r"""Return lines as they are, for the end of a help text (\b keeps them apart)."""
    return "\b\n" + "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def pair(option: str, written: str) -> tuple[str, str]:
    """Return name and value of an option such as ``--set NAME=VALUE``."""
    from qmodel.errors import DomainError

    name, equals, value = written.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise DomainError(f"{option} needs NAME=VALUE, got {written!r}")
    return name.strip(), value.strip()
