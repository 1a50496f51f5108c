"""``qmodel schema``: the JSON Schema of model files, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.")
    ] = None,
) -> None:
    """Print the JSON Schema of model files: editors then complete and check them.

    In VS Code with the YAML extension, the first line of a file may name it:
    # yaml-language-server: $schema=qmodel.schema.json
    """
    import json

    from qmodel.files import schema, whole_file

    written = json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(written, nl=False)
        return
    with whole_file(output) as file:
        file.write(written.encode())
    typer.echo(f"wrote {output}", err=True)
