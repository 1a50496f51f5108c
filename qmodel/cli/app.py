"""The commands, and what is common to them: errors in one line, and the version.

A command is imported when it is asked for, and no module here imports numpy, pandas or the
rest of qmodel before a command runs, so that ``qmodel --help`` answers at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from qmodel._version import __version__
from qmodel.cli.options import examples
from qmodel.errors import QModelError

__all__ = ["COMMANDS", "app"]

ERROR = 2
INTERRUPTED = 130
COMMANDS = (
    "init",
    "solve",
    "capacity",
    "crowd",
    "size",
    "frontier",
    "check",
    "sweep",
    "compare",
    "outages",
    "retries",
    "sensitivity",
    "uncertainty",
    "cache",
    "balance",
    "explain",
    "report",
    "replay",
    "calibrate",
    "backtest",
    "params",
    "schema",
)
"""The commands, each a module here, in the order of the help text."""


class _Commands(click.Group):
    """Commands of modules, whose errors are one line on stderr, and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"qmodel.cli.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as e:  # Click looks for near ones among those imported.
            raise click.NoSuchCommand(e.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except QModelError as e:
            click.echo(f"error: {e}", err=True)
            sys.exit(ERROR)
        except BrokenPipeError:  # `qmodel sweep ... | head`: the reader has what it wants.
            raise
        except OSError as e:
            where = f": {str(e.filename)!r}" if e.filename else ""
            click.echo(f"error: {e.strerror or e}{where}", err=True)
            sys.exit(ERROR)
        except KeyboardInterrupt:
            click.echo("stopped; nothing was written", err=True)
            sys.exit(INTERRUPTED)


@click.group(
    "qmodel",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog=examples(
        "qmodel init",
        "qmodel solve site.yaml --rate 2000/s",
        'qmodel solve --set cache.hit_ratio=95% --objective "p99 < 250 ms"',
        'qmodel check --objective "p99 < 300 ms" --objective "utilization < 70 %"',
        "qmodel sweep --over arrival_rate=500/s:3000/s:6",
        'qmodel cache --memory "4 GiB" --policy 2-lru',
        "qmodel balance --replicas 8 --load 80%",
        "qmodel replay load.csv.gz --output minutes.parquet",
    ),
)
@click.version_option(__version__, message="qmodel %(version)s", help="Print the version.")
def app() -> None:
    """Capacity and latency of web pipelines, in closed form.

    How much load does a site sustain, how long do requests take, and which part saturates
    first? Each command answers for the site of a model file, which `qmodel init` begins, or
    for the typical web pipeline, changed as --set says.
    """
