"""``qmodel init``: a model file to begin with, with comments."""

from __future__ import annotations

from pathlib import Path

import click

from qmodel.cli.options import PATH, examples
from qmodel.errors import DomainError

__all__ = ["command"]


@click.command(
    "init",
    epilog=examples(
        "qmodel init",
        "qmodel init shop.yaml --template microservices",
        "qmodel solve site.yaml",
    ),
)
@click.argument(
    "file",
    type=PATH,
    default="site.yaml",
    metavar="[FILE]",
    help="The file to write [site.yaml].",
)
@click.option(
    "--template",
    type=click.Choice(("web", "microservices", "queue", "cache", "cdn")),
    default="web",
    help="What to begin with.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(file: Path, template: str, force: bool) -> None:
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
        new.write(text_of(template).encode())
    click.echo(f"wrote {file}; now: qmodel solve {file}")
