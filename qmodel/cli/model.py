"""What commands ask: the site of a file, or the typical web pipeline, as the options say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

from qmodel.cli import numbers
from qmodel.cli.options import OBJECTIVE, Question, pair
from qmodel.errors import DomainError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from qmodel.files import Site
    from qmodel.pipeline import Pipeline

__all__ = [
    "Asked",
    "asked",
    "cases",
    "compared",
    "default_model",
    "label",
    "models",
    "refuse_open",
    "zones_of",
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A site, with the load and the objectives of a question.

    Parameters
    ----------
    site : Site
        The site. [-]
    load : number, Load or None
        The load; None where nothing says one. [1/s]
    objectives : sequence of str or Objective
        What must hold. [-]
    """

    site: Site
    load: Any
    objectives: Sequence[Any]

    @property
    def model(self) -> Pipeline:
        """The model."""
        return self.site.pipeline

    def rate(self) -> float | None:
        """Return the rate of the load, where it has one."""
        from qmodel.files.site import rate_of

        if isinstance(self.load, float) or self.load is None:
            return self.load
        return rate_of(self.load)


def default_model() -> Pipeline:
    """Return the pipeline that is asked where no file is named."""
    from qmodel.web import typical_pipeline

    return typical_pipeline()


def models() -> dict[str, Pipeline]:
    """Return the pipelines that are compared where no file is named, the reference first."""
    from qmodel.web import typical_microservices, typical_monolith

    return {"monolith": typical_monolith(), "microservices": typical_microservices()}


def asked(
    file: Path | None = None,
    *,
    rate: str | None = None,
    users: str | None = None,
    think_time: str | None = None,
    objectives: Sequence[str] = (),
    changes: Sequence[str] = (),
    overrides: Sequence[Path] = (),
    scenario: str | None = None,
    default: str = OBJECTIVE,
) -> Asked:
    """Return what a command is asked of, from its file and options."""
    from qmodel.files import Site

    load = _load(rate, users, think_time)
    new = _changes_of(changes)
    if file is None:
        if overrides:
            raise DomainError("--override is laid over a file, and none is named")
        site = Site(model=default_model())
    else:
        from qmodel.files import read_model  # which loads what reads YAML

        site = read_model(file, overrides=overrides)
    if new:
        try:
            site = site.changed(new)
        except DomainError as e:
            raise DomainError(f"--set {e}") from None
    if scenario is not None:
        model, own = site.under(scenario)
        site = Site(
            model=model,
            title=site.title,
            load=own,
            objectives=site.objectives,
            measured=site.measured,
        )
    if load is None:
        load = _plain(site.load)
    goals = list(objectives or site.objectives or ([default] if default else []))
    return Asked(site, load, goals)


def _load(rate: str | None, users: str | None, think_time: str | None) -> Any:
    from qmodel.loads import Closed

    if users is None:
        if think_time is not None:
            raise DomainError("--think-time goes with --users")
        return numbers.rate(rate)
    if rate is not None:
        raise DomainError("the load is given twice: --rate and --users")
    think = (
        0.0
        if think_time is None
        else numbers.number("--think-time", think_time, "s", zero=True)
    )
    return Closed(numbers.whole("--users", users), think)


def _plain(load: Any) -> Any:
    """Return the rate of a Poisson load, and other loads as they are."""
    from qmodel.loads import Poisson

    return float(load.rate) if isinstance(load, Poisson) else load


def _changes_of(written: Sequence[str]) -> dict[str, str]:
    """Return what ``--set`` changes, from name to text."""
    changes: dict[str, str] = {}
    for name, value in (pair("--set", w) for w in written):
        if name in changes:
            raise DomainError(f"--set {name} is given twice")
        changes[name] = value
    return changes


def compared(
    files: Sequence[Path], **question: Unpack[Question]
) -> tuple[dict[str, Pipeline], Any, Sequence[Any], list[str]]:
    """Return the models to compare by name, the load, the objectives, and what to note.

    Of a single file the changes are in its scenarios too: of what is changed, a zone is lost.
    """
    from qmodel.files import Site, read_model

    changes, overrides = _changes_of(question["changes"]), question["overrides"]
    if not files:
        if overrides:
            raise DomainError("--override is laid over files, and none is named")
        sites = {name: Site(model=pipeline) for name, pipeline in models().items()}
    else:
        labels = [file.stem for file in files]
        if len(set(labels)) < len(labels):
            labels = [str(file) for file in files]
        if len(set(labels)) < len(labels):
            raise DomainError(f"a file is named twice: {', '.join(labels)}")
        read = [read_model(file, overrides=overrides) for file in files]
        sites = dict(zip(labels, read, strict=True))
        if len(files) == 1:
            (site,) = read
            if not site.scenarios:
                raise ModelError(
                    f"{files[0]} has no scenarios to compare with: name two files, or add some"
                )
            site = site.changed(changes) if changes else site
            others = {
                name: Site(model=site.under(name)[0])
                for name, scenario in site.scenarios.items()
                if scenario.load is None
            }
            sites, changes = {"as it is": site, **others}, {}
    changed, notes = _changed_each(sites, changes)
    load = _load(question["rate"], question["users"], question["think_time"])
    first = next(iter(sites.values()))
    load = _plain(first.load) if load is None else load
    goals = list(question["objectives"] or first.objectives or [OBJECTIVE])
    return changed, load, goals, notes


def cases(
    file: Path | None, scenarios: Sequence[str], overrides: Sequence[Path]
) -> list[str | None]:
    """Return the scenarios to check, None for the site as it is; "all" is each of them."""
    from qmodel.files import read_model

    if [*scenarios] != ["all"]:
        return [*scenarios] or [None]
    if file is None:
        return [None]
    return [None, *read_model(file, overrides=overrides).scenarios]


def label(file: Path | None, scenario: str | None) -> str:
    """Return how a case is called in a list of them."""
    name = "the typical pipeline" if file is None else str(file)
    return f"{name} ({scenario})" if scenario else name


def refuse_open(it: Asked, file: Path | None) -> None:
    """Refuse to hold a file against what it does not say."""
    if file is None:
        return
    if it.load is None:
        raise ModelError(f"{file} says no load: add load: 1200/s, or say --rate")
    if not it.objectives:
        raise ModelError(
            f"{file} says no objectives: add objectives: [p99 < 300 ms], or say --objective"
        )


def zones_of(it: Asked, zones: str | None) -> int:
    """Return how many zones there are: as said, or as the file says, else three."""
    if zones is not None:
        return numbers.whole("--zones", zones)
    return it.site.zones.number if it.site.zones else 3


def _changed_each(
    sites: dict[str, Site], changes: dict[str, str]
) -> tuple[dict[str, Pipeline], list[str]]:
    """Return each model with the changes that it knows, and a note for what only some know."""
    from qmodel._nearest import did_you_mean

    notes = []
    known = {name: site.pipeline.parameters() for name, site in sites.items()}
    for change in changes:
        having = [name for name in sites if change in known[name]]
        if not having:
            every = {parameter for parameters in known.values() for parameter in parameters}
            raise ModelError(
                f"no parameter {change!r} in any of the pipelines{did_you_mean(change, every)}"
            )
        if len(having) < len(sites):
            notes.append(f"{change} was set in {' and '.join(having)} only.")
    models = {}
    for name, site in sites.items():
        own = {n: v for n, v in changes.items() if n in known[name]}
        models[name] = (site.changed(own) if own else site).pipeline
    return models, notes
