"""``qmodel schema``: the JSON Schema of model files, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from qmodel.cli.options import PATH

__all__ = ["command"]


@click.command("schema")
@click.option("--output", "-o", type=PATH, metavar="FILE", help="Write it there.")
def command(output: Path | None) -> None:
    """Print the JSON Schema of model files: editors then complete and check them.

    In VS Code with the YAML extension, the first line of a file may name it:
    # yaml-language-server: $schema=qmodel.schema.json
    """
    import json

    from qmodel.files import schema, whole_file

    written = json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(written, nl=False)
        return
    with whole_file(output) as file:
        file.write(written.encode())
    click.echo(f"wrote {output}", err=True)
