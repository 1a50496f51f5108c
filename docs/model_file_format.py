"""The page of the format of model files, from what the classes say of their parameters."""

from __future__ import annotations

from typing import Any

from qmodel.caches import Cache, Popularity
from qmodel.distributions import Distribution
from qmodel.files.kinds import Argument, Expected, Kind, kinds_of
from qmodel.files.model_files import KEYS
from qmodel.loads import Load
from qmodel.pipeline import Step
from qmodel.queues import Station
from qmodel.web import Database, Service

__all__ = ["page"]

_VALUES = {
    "title": "a text",
    "load": "a rate such as `1200/s`, users as in `{users: 200, think_time: 5 s}`, or one of "
    "the [loads](#loads)",
    "objectives": "a list of texts, such as `[p99 < 300 ms, loss < 1 %]`",
    "prices": "a mapping from parameters to numbers: `{app.servers: 3}`",
    "zones": "`{number: 3, spread: [app.servers]}`",
    "scenarios": "a mapping from names to changes: `night: {load: 150/s}`, "
    "`half of it: {app.servers: 50 %}`",
    "spreads": "a mapping from parameters, or `arrival_rate`, to shares such as `10 %`",
    "measured": "`{lowest: 50/s, highest: 300/s, utilization: 60 %}`, as `qmodel calibrate` "
    "writes it",
    "include": "a file, or a list of them, named from where this one is",
    "components": "a mapping from names to [stations](#stations), [steps](#steps) and what "
    "these take",
    "path": "a [step](#steps), the name of a component, or a list of them in series",
    "requests": "a mapping from names to `{share: 90 %, path: [...]}`; the shares add up to 1",
    "urgent": "a list of names of `requests`",
    "station": "one of the [stations](#stations)",
}
_UNITS = {
    "s": "`45 ms`, `2 min`; the number alone only where it is 0",
    "1/s": "`1200/s`, `90k/min`, `18k rps`",
    "B": "`4 GiB`",
    "-": "`40`, `1.5`, `85 %`, `10M`",
}
_NAMES = {"s": "times", "1/s": "rates", "B": "sizes", "-": "other numbers and shares"}
_FAMILIES: tuple[tuple[str, str, type], ...] = (
    ("Steps", "What a request does. A list of steps is a series of them.", Step),
    ("Stations", "Where it is served, and may queue.", Station),
    ("Parts of the web", "What several steps share.", Database),
    ("Services", "What `microservices` are made of.", Service),
    ("Loads", "What comes: the value of `load`, beside a plain rate.", Load),
    (
        "Distributions",
        "How a time varies. `45 ms` alone has the shape that is usual where it stands; "
        "`{mean: 45 ms, scv: 1.5}` has a mean and a squared coefficient of variation.",
        Distribution,
    ),
    ("Caches", "What a cache keeps; a plain `hit_ratio` does without.", Cache),
    ("Popularities", "What is asked for how often.", Popularity),
)
_LINKS = {family: f"[{word}](#{title.lower().replace(' ', '-')})" for word, title, family in (
    ("a step", "Steps", Step), ("a station", "Stations", Station),
    ("a database", "Parts of the web", Database), ("a service", "Services", Service),
    ("a load", "Loads", Load), ("a distribution", "Distributions", Distribution),
    ("a cache", "Caches", Cache), ("a popularity", "Popularities", Popularity),
)}  # fmt: skip


def page(hint: str, table: Any) -> str:
    """Return the page."""
    keys = [[f"`{key}`", meaning, _VALUES[key]] for key, meaning in KEYS.items()]
    units = [[_NAMES[unit], text] for unit, text in _UNITS.items()]
    families = "\n\n".join(_family(*family, table) for family in _FAMILIES)
    return f"""{hint}

# The format of model files

A model file is YAML, TOML or JSON with these keys; one of `path`, `requests` and `station` must
be there. `qmodel init` writes one to begin with, `qmodel schema` the JSON Schema by which an
editor completes it, and [your own site in a file](../how-to/your-own-site-in-a-file.md) shows
how they are used.

{table(["key", "what it is", "its value"], keys)}

A part is a mapping of one key, its kind, to the parameters of the kind:
`MMc: {{service_time: 4 ms, servers: 8}}`. Where a kind needs one parameter only, its value may
stand alone: `network: 30 ms`. A component is called by its name, and one of several paths
through it as in `database.read`.

{table(["numbers", "as they are written"], units)}

A list of numbers in place of one is a model of several scenarios. A class of your own that is
derived from one of qmodel's is a kind as soon as it is imported.

{families}
"""


def _family(title: str, meaning: str, family: type, table: Any) -> str:
    kinds = {
        name: kind
        for name, kind in sorted(kinds_of(family).items(), key=lambda item: item[0].lower())
        if kind.make.__module__.startswith("qmodel.")
    }
    return "\n\n".join([f"## {title}\n\n{meaning}", *(_kind(k, table) for k in kinds.values())])


def _kind(kind: Kind, table: Any) -> str:
    head = f"### {kind.name}\n\n{kind.meaning}"
    rows = [
        [f"`{a.name}`", _meaning(a), _taken(a.expected, a.unit, many=a.many), _default(a)]
        for a in kind.arguments.values()
    ]
    if not rows:
        return f"{head} It needs nothing."
    return f"{head}\n\n{table(['parameter', 'what it is', 'its value', 'default'], rows)}"


def _meaning(argument: Argument) -> str:
    return " ".join(argument.meaning.split()).replace("<", "&lt;") or "-"


def _default(argument: Argument) -> str:
    if argument.needed:
        return "needed"
    default = argument.default
    if isinstance(default, (bool, int, float, str)) and default not in ("", float("inf")):
        return f"`{str(default).lower() if isinstance(default, bool) else default}`"
    return "-"


def _taken(expected: Expected, unit: str, *, many: bool = False) -> str:
    """Return in words what a value may be."""
    ways = [
        _LINKS.get(family, f"`{family.__name__}`")
        for family in dict.fromkeys(expected.families)
    ]
    if expected.number:
        number = {"s": "a time", "1/s": "a rate", "B": "a size"}.get(unit, "a number")
        ways.append(number)
    if expected.flag:
        ways.append("`true` or `false`")
    if expected.choices:
        ways.append(", ".join(f"`{choice}`" for choice in expected.choices))
    elif expected.text:
        ways.append("a text")
    if expected.each:
        ways.append(f"a list, each {_taken(expected.each, unit)}")
    if expected.row:
        ways.append(f"[{', '.join(_taken(part, unit) for part in expected.row)}]")
    if expected.named:
        ways.append(f"a mapping from names to {_taken(expected.named, unit)}")
    said = " or ".join(ways) or "-"
    return f"a list, each {said}" if many else said
