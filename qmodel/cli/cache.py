"""``qmodel cache``: what memory and policy of the cache do to the site behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from qmodel.cli import options
from qmodel.cli.numbers import number, whole
from qmodel.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["command"]

DEFAULTS = {
    "--objects": "10M",
    "--exponent": "0.9",
    "--size": "2 KiB",
    "--memory": "4 GiB",
}


@click.command(
    "cache",
    epilog=options.examples(
        'qmodel cache --objects 10M --exponent 0.9 --size "2 KiB" --memory "4 GiB"',
        'qmodel cache --memory "1 GiB" --policy 2-lru --rate 2500/s',
        'qmodel cache --ttl "5 min" --objective "p99 < 240 ms"',
    ),
)
@options.file
@click.option("--name", metavar="NAME", help="Which cache it is, where the file has several.")
@click.option("--objects", metavar="NUMBER", help="Objects that are asked for [10M].")
@click.option(
    "--exponent",
    metavar="NUMBER",
    help="Zipf's exponent of their popularity: 0 all alike, 1 very uneven [0.9].",
)
@click.option("--size", metavar="SIZE", help="Mean memory that an object takes [2 KiB].")
@click.option("--memory", metavar="SIZE", help="Memory of the cache [4 GiB].")
@click.option(
    "--policy",
    metavar="NAME",
    default="lru",
    help="lru, fifo, random, clock, 2-lru, q-lru or lfu.",
)
@click.option(
    "--ttl", metavar="TIME", help="Time to live of an entry, such as '5 min'; with lru."
)
@options.rate
@options.objectives
@options.changed
@options.printed
def command(
    name: str | None,
    objects: str | None,
    exponent: str | None,
    size: str | None,
    memory: str | None,
    policy: str,
    ttl: str | None,
    form: str,
    output: Path | None,
    **question: Unpack[options.Question],
) -> None:
    """Say which hit ratio a cache has, and what memory, policy and its loss do to the site.

    The cache is that of the file, or of the typical pipeline; its hit ratio follows from memory
    and policy.
    """
    from dataclasses import replace

    from qmodel import answers
    from qmodel.caches import Zipf
    from qmodel.cli import model
    from qmodel.cli.files import writing
    from qmodel.cli.render import show

    given = {
        "--objects": objects,
        "--exponent": exponent,
        "--size": size,
        "--memory": memory,
    }
    used = {option: written or DEFAULTS[option] for option, written in given.items()}
    _refuse_hit_ratio(question["changes"])
    with writing(output) as write:
        it = model.asked(**question)
        answer = answers.cache(
            it.model,
            it.rate(),
            name=it.site.cache_named(name),
            popularity=Zipf(
                whole("--objects", used["--objects"]),
                number("--exponent", used["--exponent"], zero=True),
                size=number("--size", used["--size"], "B"),
            ),
            memory=number("--memory", used["--memory"], "B"),
            policy=policy,
            ttl=None if ttl is None else number("--ttl", ttl, "s"),
            objectives=it.objectives,
        )
        if guessed := _guessed(given):
            said = f"Not given, so plausible values are taken: {guessed}."
            answer = replace(answer, meaning=[*answer.meaning, said])
        write(answer)
    show(answer, form)


def _refuse_hit_ratio(changes: Sequence[str]) -> None:
    for written in changes:
        name = written.partition("=")[0].strip()
        if name.endswith(".hit_ratio"):
            raise ModelError(
                f"--set {name}: here it follows from --memory and --policy; "
                "`qmodel solve` takes it as given"
            )


def _guessed(given: Mapping[str, str | None]) -> str:
    """Return in words which values were not given, and what was taken."""
    return ", ".join(f"{o} {DEFAULTS[o]}" for o, written in given.items() if written is None)
