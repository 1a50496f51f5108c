"""Write the parts of docs that the code knows better: figures, models, the file format, ...

``python docs/generate.py`` writes them; ``--check`` only says which of them are out of date,
and fails if any is.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import inspect
import pkgutil
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qmodel as qm
from qmodel import balancing, glossary, queues
from qmodel.basis import ASYMPTOTIC, EXACT, Assumption, union, weakest
from qmodel.queues.base import MEANS, Station
from qmodel.units import text
from qmodel.web.figures import FIGURES

DOCS = Path(__file__).parent
HINT = "<!-- Written by docs/generate.py; change the code, then run `make docs`. -->"
BEGIN, END = "<!-- begin: generated -->", "<!-- end: generated -->"

REPLICAS = {
    "M/M/1 replicas": qm.MMc(0.010),
    "M/M/c replicas": qm.MMc(0.010, servers=2),
    "M/G/c replicas": qm.MGc(qm.Gamma(0.010, 2.0), servers=2),
    "M/G/c-PS replicas": qm.MGcPS(qm.Gamma(0.010, 2.0), servers=2),
}
"""What a pool may be made of."""

DISTRIBUTIONS = {
    "exponential": qm.Exponential(0.010),
    "constant": qm.Deterministic(0.010),
    "any other": qm.Gamma(0.010, 2.0),
}
"""The distributions of service that can make a difference to what is exact."""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(c.replace("|", r"\|") for c in line) + " |" for line in lines
    )


def figures() -> str:
    """Return the page of the figures of the typical pipeline."""
    rows = []
    for name, figure in FIGURES.items():
        value = text(figure.value, figure.unit)
        if figure.unit == "-" and figure.value < 1:
            value = text(figure.value, "%")
        rows.append([f"`{name}`", value, figure.meaning, figure.source])
    return f"""{HINT}

# The figures of the typical pipeline

`qm.web.typical_pipeline()` rests on these numbers. Each is somebody's measurement on somebody's
machines: a place to start from, and to replace by your own. "Our choice" marks those that
nobody published; so are the four cores each of TLS, load balancer and gateway.
In Python the figures are `qmodel.web.figures.FIGURES`, in seconds and per second.

{table(["name", "value", "what it is", "source"], rows)}

To change one, change the parameter of the pipeline that it became; `site.parameters()` lists
them all.

```python
>>> import qmodel as qm
>>> site = qm.web.typical_pipeline().replace({{"database.service_time": 0.004}})
>>> site.parameters()["database.service_time"]
0.004

```
"""


def glossary_page() -> str:
    """Return the page of the quantities that results name."""
    rows = [
        [f"`{name}`", term.symbol, unit, term.meaning, term.known_as]
        for name, term in glossary.GLOSSARY.items()
        for unit in ("" if term.unit == "-" else term.unit,)
    ]
    return f"""{HINT}

# Glossary

The names of results, columns of frames and parameters, with their symbols in the literature and
their units. A name means the same everywhere, and the last column has other words for it. A
percentile is a column of its own: `p99` is the time that 99 of 100 requests do not exceed [s].
[One word for one thing](words.md) has the words of the pages.

{table(["name", "symbol", "unit", "meaning", "you may know it as"], rows)}
"""


def stations() -> Iterator[type[Station]]:
    """Yield the public classes of stations, by file: single ones, then pools."""
    for home in (queues, balancing):
        found = [getattr(home, name) for name in home.__all__]
        classes = [c for c in found if inspect.isclass(c) and issubclass(c, Station)]
        concrete = (c for c in classes if not inspect.isabstract(c))
        yield from sorted(concrete, key=lambda c: c.__module__)


PLAIN = ("MMcPriority", "MG1Priority", "UnequalServers", "MG1LCFS")
"""Classes that say in plainer words than their module what they are."""

EXAMPLES: dict[str, Any] = {
    "service_time": 0.010,
    "servers": 4,
    "capacity": 8,
    "patience": 0.100,
    "population": 20,
    "threshold": 3,
    "service_rates": (100.0, 200.0, 200.0),
    "service_times": (0.010, 0.020),
    "interarrival": qm.Gamma(1.0, 0.5),
    "vacation": qm.Exponential(0.050),
    "setup": qm.Exponential(0.050),
    "cold_start": qm.Deterministic(0.5),
    "keep_alive": 600.0,
    "speeds": (1.0, 1.8, 2.5),
    "batch": qm.queues.GeometricBatch(3.0),
    "replicas": 4,
    "stations": (qm.MMc(0.010, servers=2), qm.MMc(0.020, servers=2)),
    "weights": (0.7, 0.3),
    "shares": (0.4, 0.3, 0.3),
}
"""An example of every parameter that a station must be given."""


def variants(station: type[Station]) -> dict[str, Station]:
    """Return stations of a class, by service distribution; "" if that is not a parameter."""
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(station).parameters.items():
        if name in ("service", "replica") or (
            name not in EXAMPLES and parameter.default is not parameter.empty
        ):
            continue
        if name not in EXAMPLES:
            raise NotImplementedError(f"docs/generate.py needs an example of {name!r}")
        given[name] = EXAMPLES[name]
    if "replica" in inspect.signature(station).parameters:
        pools = {kind: station(replica=one, **given) for kind, one in REPLICAS.items()}
        return {kind: pool for kind, pool in pools.items() if _solves(pool)}
    if "service" not in inspect.signature(station).parameters:
        return {"": station(**given)}
    return {
        distribution: station(service=service, **given)
        for distribution, service in DISTRIBUTIONS.items()
    }


def _solves(pool: Station) -> bool:
    """Return whether a pool can be of these replicas."""
    try:
        pool.solve(10.0)
    except qm.ModelError:
        return False
    return True


def _arguments(station: type[Station]) -> Iterator[str]:
    for name, parameter in inspect.signature(station).parameters.items():
        has_default = parameter.default is not parameter.empty
        yield f"{name}={parameter.default}" if has_default else name


def costs() -> dict[tuple[str, str], list[str]]:
    """Return what docs/costs_of_stations.py measured, by class and service distribution."""
    with (DOCS / "reference" / "costs.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {(station, distribution): measured for station, distribution, *measured in rows}


def statement(a: Assumption) -> str:
    """Return a bullet of an assumption: what it says, with its error, and its source."""
    return (
        f"* [{a}](../explanation/exactness.md#{a}): {a.statement}"
        + (f" ({a.label})" if a.label != EXACT else "")
        + f". *{a.source}.*"
    )


def models() -> str:
    """Return the page of the stations."""
    sections, overview, measured = [], [], costs()
    shared = Counter(station.__module__ for station in stations())
    for station in stations():
        module = importlib.import_module(station.__module__)
        doc = inspect.getdoc(module) or ""
        first = doc.split("\n\n")[0].replace("\n", " ")
        title, _, rest = first.partition(": ")
        kendall = next((w for w in title.split() if "/" in w), title)
        rows, named = [], {}
        for distribution, example in variants(station).items():
            result = example.solve(10.0)
            grounds = result.basis.grounds
            named |= {a: None for reasons in grounds.values() for a in reasons}
            grades = [*(result.basis.assumptions(name) for name in MEANS[1:])]
            mean = weakest(union(*grades))
            wait = "-" if result.wait is None else result.basis["wait"]
            known = "percentiles" in grounds
            late = result.basis["percentiles"] if known else "-"
            cost = [x or "-" for x in measured.get((station.__name__, distribution), ["", ""])]
            rows.append([distribution or "as given", mean, wait, late, *cost])
        reasons = "\n".join(statement(a) for a in named)
        sources = doc.partition("References\n----------\n")[2]
        listed = [" ".join(s.split()) for s in re.split(r"\.\. \[\d+\] ", sources) if s.strip()]
        name = station.__name__
        if shared[station.__module__] > 1 or name in PLAIN:
            # The title is that of a family; the class says which of it this is.
            rest = (inspect.getdoc(station) or "").split("\n\n")[0].replace("\n", " ")
            rest = re.sub("^Station", "a station", rest)
        overview.append([f"[{kendall}](#{name.lower()})", f"`{name}`", rest.rstrip(".")])
        head = [
            "service", "means", "distribution of the wait", "percentiles", "cost of the means",
            "cost of a p99",
        ]  # fmt: skip
        called = f"`{name}({', '.join(_arguments(station))})`"
        sections.append(
            f"## {name}\n\n{kendall}: {rest} In `{station.__module__}`.\n\n{called}\n\n"
            f"{table(head, rows)}\n\nRests on\n\n{reasons}\n\nSources:\n\n"
            + "\n".join(f"* {source}" for source in listed)
        )
    body = "\n\n".join(sections)
    return f"""{HINT}

# The stations

One file a model: the formulas on top, with their assumptions and sources, and the class below.
`help(qmodel.queues.mmc)` shows them. Replicas behind a balancer stand at the end: each is a
station too, made of the station that one replica is. The utilization and the rate of saturation
are exact in every model. What the labels mean, and what each assumption says, is on the page
about [exactness](../explanation/exactness.md); the errors of the approximate mean waits of
GI/G/c, by formula, are [on a page of their own](errors-of-approximations.md).

A cost is the time a point over that of one bare incomplete gamma function
(`scipy.special.gammaincc`), of arrays of a thousand loads or a hundred percentiles. One digit
is all that another machine will confirm. `python docs/costs_of_stations.py` measures it.

{table(["Kendall's notation", "class", "what it is"], overview)}

In Kendall's notation the first letter is the stream of arrivals (M: Poisson), the second the
service distribution (M: exponential, G: any), then the number of servers; PS is processor
sharing, else it is first come, first served.

{body}
"""


def assumptions() -> list[Assumption]:
    """Return the named assumptions of all modules, each once, exact ones first."""
    found: dict[str, Assumption] = {}
    for info in pkgutil.walk_packages(qm.__path__, "qmodel."):
        if info.name.startswith("qmodel.cli"):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Assumption):
                found[str(value)] = value
    strength = {EXACT: 0, ASYMPTOTIC: 1}
    return sorted(found.values(), key=lambda a: (strength.get(a.label, 2), a))


def assumption_list() -> str:
    """Return the generated part of the page on exactness."""
    parts = []
    for a in assumptions():
        what = f"leaves numbers {a.label}" if a.label == EXACT else f"makes numbers {a.label}"
        parts.append(
            f"### {a}\n\n{a.statement[0].upper()}{a.statement[1:]}. *{a.source}.* It {what}."
        )
    return "\n\n".join(parts)


def with_part(page: Path, part: str) -> str:
    """Return a page with what is between its two marks exchanged."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{part}\n\n{END}{after}"


def model_files() -> str:
    """Return the page of the format of model files."""
    sys.path.insert(0, str(DOCS))  # docs is no package
    try:
        page = importlib.import_module("model_file_format").page
    finally:
        sys.path.pop(0)
    return str(page(HINT, table))


def pages() -> dict[Path, str]:
    """Return all pages with generated text, as they should be."""
    exactness = DOCS / "explanation" / "exactness.md"
    return {
        DOCS / "reference" / "figures.md": figures(),
        DOCS / "reference" / "glossary.md": glossary_page(),
        DOCS / "reference" / "models.md": models(),
        DOCS / "reference" / "model-files.md": model_files(),
        exactness: with_part(exactness, assumption_list()),
    }


def stale() -> list[Path]:
    """Return the pages that are not as they should be."""
    return [p for p, wanted in pages().items() if not p.exists() or p.read_text() != wanted]


def main() -> int:
    """Write the pages, or say which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if out of date"
    )
    if parser.parse_args().check:
        old = stale()
        for page in old:
            print(f"out of date: {page.relative_to(DOCS.parent)}", file=sys.stderr)
        return 1 if old else 0
    for page, wanted in pages().items():
        page.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
