"""``qmodel explain``: where a number comes from, its formula, sources and assumptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qmodel.cli.options import (
    Changes,
    Format,
    Output,
    Overrides,
    Rate,
    Scenario,
    Shape,
    ThinkTime,
    Users,
)

__all__ = ["command"]

_ENDINGS = (".json", ".md", ".html")
_FILES = (".yaml", ".yml", ".toml", ".json")


def command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] [FILE]",
            help="What to explain: mean, p99, max_rate, goodput, ..., or a station's, such as "
            "database.waiting_time [mean]; and a model file.",
            show_default=False,
        ),
    ] = None,
    rate: Rate = None,
    users: Users = None,
    think_time: ThinkTime = None,
    set_: Changes = None,
    override: Overrides = None,
    scenario: Scenario = None,
    form: Shape = Format.TABLE,
    output: Output = None,
) -> None:
    """Say where a number comes from: formula, numbers put in, assumptions, literature."""
    from qmodel import answers
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show
    from qmodel.errors import DomainError

    files = [word for word in words or () if word.endswith(_FILES)]
    names = [word for word in words or () if not word.endswith(_FILES)]
    if len(files) > 1 or len(names) > 1:
        raise DomainError(f"explain takes one name and one file, got {' '.join(words or ())}")
    with writing(output, _ENDINGS) as write:
        it = model.asked(
            Path(files[0]) if files else None,
            set_,
            override,
            scenario=scenario,
            rate=rate,
            users=users,
            think_time=think_time,
        )
        answer = answers.explain(it.model, names[0] if names else "mean", it.load)
        write(answer)
    show(answer, form)
