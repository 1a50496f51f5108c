"""The commands, and what is common to them: errors in one line, and the version.

No module here imports numpy, pandas or the rest of qmodel before a command runs, so that
``qmodel --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from qmodel._version import __version__
from qmodel.cli import (
    backtest,
    balance,
    cache,
    calibrate,
    capacity,
    check,
    compare,
    crowd,
    explain,
    frontier,
    init,
    outages,
    params,
    replay,
    report,
    retries,
    schema,
    sensitivity,
    size,
    solve,
    sweep,
    uncertainty,
)
from qmodel.cli.options import examples
from qmodel.errors import QModelError

__all__ = ["app"]

ERROR = 2
INTERRUPTED = 130


class _Commands(TyperGroup):
    """Commands whose errors are one line on stderr, and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except QModelError as e:
            typer.echo(f"error: {e}", err=True)
            raise typer.Exit(ERROR) from None
        except BrokenPipeError:  # `qmodel sweep ... | head`: the reader has what it wants.
            raise
        except OSError as e:
            where = f": {str(e.filename)!r}" if e.filename else ""
            typer.echo(f"error: {e.strerror or e}{where}", err=True)
            raise typer.Exit(ERROR) from None
        except KeyboardInterrupt:
            typer.echo("stopped; nothing was written", err=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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
app.command("init", epilog=init.EPILOG)(init.command)
app.command("solve")(solve.command)
app.command("capacity")(capacity.command)
app.command("crowd", epilog=crowd.EPILOG)(crowd.command)
app.command("size", epilog=size.EPILOG)(size.command)
app.command("frontier")(frontier.command)
app.command("check", epilog=check.EPILOG)(check.command)
app.command("sweep", no_args_is_help=True)(sweep.command)
app.command("compare", epilog=compare.EPILOG)(compare.command)
app.command("outages")(outages.command)
app.command("retries")(retries.command)
app.command("sensitivity")(sensitivity.command)
app.command("uncertainty", epilog=uncertainty.EPILOG)(uncertainty.command)
app.command("cache", epilog=cache.EPILOG)(cache.command)
app.command("balance", epilog=balance.EPILOG)(balance.command)
app.command("explain")(explain.command)
app.command("report", epilog=report.EPILOG)(report.command)
app.command("replay", no_args_is_help=True)(replay.command)
app.command("calibrate", epilog=calibrate.EPILOG, no_args_is_help=True)(calibrate.command)
app.command("backtest", epilog=backtest.EPILOG, no_args_is_help=True)(backtest.command)
app.command("params")(params.command)
app.command("schema")(schema.command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"qmodel {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Capacity and latency of web pipelines, in closed form.

    How much load does a site sustain, how long do requests take, and which part saturates
    first? Each command answers for the site of a model file, which `qmodel init` begins, or
    for the typical web pipeline, changed as --set says.
    """
