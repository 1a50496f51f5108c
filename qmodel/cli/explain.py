"""``qmodel explain``: where a number comes from, its formula, sources and assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click

from qmodel.cli import options

__all__ = ["command"]

_ENDINGS = (".json", ".md", ".html")
_FILES = (".yaml", ".yml", ".toml", ".json")


@click.command("explain")
@click.argument(
    "words",
    nargs=-1,
    metavar="[NAME] [FILE]",
    help="What to explain: mean, p99, max_rate, goodput, ..., or a station's, such as "
    "database.waiting_time [mean]; and a model file.",
)
@options.load
@options.changed
@options.printed
def command(
    words: Sequence[str],
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Say where a number comes from: formula, numbers put in, assumptions, literature."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.errors import DomainError

    files = [word for word in words if word.endswith(_FILES)]
    names = [word for word in words if not word.endswith(_FILES)]
    if len(files) > 1 or len(names) > 1:
        raise DomainError(f"explain takes one name and one file, got {' '.join(words)}")
    with writing(output, _ENDINGS) as write:
        question["file"] = Path(files[0]) if files else None
        it = model.asked(**question)
        answer = answers.explain(it.model, names[0] if names else "mean", it.load)
        write(answer)
    show(answer, form)
