"""``qmodel init``: a model file to begin with, with comments."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qmodel.cli.options import examples
from qmodel.errors import DomainError

__all__ = ["EPILOG", "command"]

EPILOG = examples(
    "qmodel init",
    "qmodel init shop.yaml --template microservices",
    "qmodel solve site.yaml",
)


class Template(StrEnum):
    """What a file begins with."""

    WEB = "web"
    MICROSERVICES = "microservices"
    QUEUE = "queue"
    CACHE = "cache"
    CDN = "cdn"


def command(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="The file to write.")] = Path(
        "site.yaml"
    ),
    template: Annotated[
        Template, typer.Option("--template", help="What to begin with.")
    ] = Template.WEB,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
) -> None:
    """Write a model file with comments: edit its numbers, then ask it everything."""
    from qmodel.files import template as text_of
    from qmodel.files import whole_file

    if file.suffix not in (".yaml", ".yml"):
        raise DomainError(f"a template is YAML: name it .yaml, got {str(file)!r}")
    if file.exists() and not force:
        raise DomainError(f"{str(file)!r} is there already: --force writes over it")
    if not file.resolve().parent.is_dir():
        raise DomainError(f"{str(file)!r} has no folder {str(file.parent)!r}")
    with whole_file(file) as new:
        new.write(text_of(template.value).encode())
    typer.echo(f"wrote {file}; now: qmodel solve {file}")
