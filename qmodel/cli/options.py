"""The options that several commands share, and how their texts are read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "OBJECTIVE",
    "Changes",
    "File",
    "Format",
    "Headroom",
    "LogFormat",
    "Objectives",
    "Output",
    "Overrides",
    "Prices",
    "Rate",
    "Scenario",
    "Shape",
    "Spares",
    "ThinkTime",
    "Users",
    "Zones",
    "examples",
    "pair",
]

OBJECTIVE = "p99 < 300 ms"
"""What must hold where nothing is said."""


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


File: TypeAlias = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="A model file, such as `qmodel init` writes: .yaml, .toml or .json. Without one "
        "the typical web pipeline is asked.",
        show_default=False,
    ),
]
Rate: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="RATE",
        help="Requests that arrive, such as 2000/s, 18k/s or 90k/min; by default what the file "
        "says, else 60 % of what can be sustained.",
    ),
]
LogFormat: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--log-format",
        metavar="FORMAT",
        help="Format of an access log of your own, as nginx writes it: '$remote_addr "
        '[$time_local] "$request" $status $request_time\'.',
    ),
]
Users: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--users",
        metavar="NUMBER",
        help="In place of --rate: users who wait for each answer before they ask again.",
    ),
]
ThinkTime: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--think-time",
        metavar="TIME",
        help="Time that a user thinks between an answer and the next request [0 s].",
    ),
]
Objectives: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--objective",
        metavar="TEXT",
        help="What must hold, such as 'p99 < 300 ms' or 'loss < 0.1 %'; in place of those of "
        "the file. May be repeated.",
    ),
]
Changes: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a parameter, such as database.servers=20, cache.hit_ratio=95% or "
        "'database.service_time=4 ms'; `qmodel params` lists them. May be repeated.",
    ),
]
Overrides: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--override",
        metavar="FILE",
        help="Lay another model file over the first: what it says stands in place of it. May "
        "be repeated; the last one is uppermost.",
    ),
]
Scenario: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--scenario", metavar="NAME", help="A scenario of the file, such as 'a zone lost'."
    ),
]
Zones: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--zones",
        metavar="NUMBER",
        help="Zones over which the servers are spread, >= 2 [of the file, else 3].",
    ),
]
Prices: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--price",
        metavar="NAME=NUMBER",
        help="What to size, and the price of one: app.servers=3. May be repeated; by "
        "default the prices of the file, else the servers of each station at 1.",
    ),
]
Headroom: TypeAlias = Annotated[
    str,
    typer.Option(
        "--headroom", metavar="SHARE", help="Share by which loads may exceed what is said."
    ),
]
Spares: TypeAlias = Annotated[
    str,
    typer.Option("--spares", metavar="NUMBER", help="How many more of each to have: N + k."),
]
Shape: TypeAlias = Annotated[
    Format,
    typer.Option(
        "--format", help="How to print. JSON has times in seconds, and 'inf' as text."
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Also write it: .csv, .csv.gz, .parquet, .json, .md or .html.",
    ),
]


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
