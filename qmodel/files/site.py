"""A site: a model, and what is asked of it.

What a model file says beside the model itself: the load, the objectives, prices, zones,
scenarios, and how well the parameters are known. The fields of `Site` are the keys of the file;
their meaning stands beside each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, cast

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, Parameter, check_fields, parameter
from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, ModelError, QModelError
from qmodel.files.values import number
from qmodel.loads import Load, Poisson, Profile
from qmodel.pipeline import Pipeline
from qmodel.pipeline.parameters import meanings, said
from qmodel.planning._models import Asked, as_pipeline, asked
from qmodel.planning.region import Region, held_against
from qmodel.planning.slo import Objective, objectives_of
from qmodel.queues import Station
from qmodel.transients.emptied import Emptied

__all__ = ["Scenario", "Site", "Zones", "meanings_of", "rate_of"]

A_ZONE_LOST = "a zone lost"


def _goals(name: str, x: Any) -> tuple[Objective, ...]:
    return tuple(
        objectives_of([x if isinstance(x, (str, Objective)) else _check.several(name, x)])
    )


def _load(name: str, x: Any) -> Load:
    return x if isinstance(x, Load) else Poisson(x)


def _text(name: str, x: Any) -> str:
    if not isinstance(x, str):
        raise DomainError(f"{name} must be a text, got {x!r}")
    return x


def _scenario(name: str, x: Any) -> Scenario:
    return cast(Scenario, _check.instance(name, x, Scenario))


def _each(check: Any) -> Any:
    def checked(name: str, x: Any) -> dict[str, Any]:
        return {
            key: check(f"{name} of {key}", value)
            for key, value in _check.mapping(name, x).items()
        }

    return checked


def _price(name: str, x: Any) -> float:
    return _check.one(name, x, _check.positive)


def _share(name: str, x: Any) -> float:
    return _check.one(name, x, _check.probability)


def _shares(name: str, x: Any) -> dict[str, float]:
    checked: dict[str, float] = _each(_share)(name, x)
    if none := [key for key, share in checked.items() if share == 0]:
        raise DomainError(f"{name} of {none[0]} must be above 0, got 0")
    return checked


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scenario(Model):
    """What is otherwise for a time: the night, a cache lost, a zone lost.

    Parameters
    ----------
    load : Load, optional
        The load, where it is another. [-]
    changes : mapping of str to number, optional
        Parameters that have other values. [-]
    left : mapping of str to number, optional
        Whole numbers, such as servers, of which only a share is left, rounded down. [-]

    Examples
    --------
    >>> night = Scenario(load=150.0, left={"app.servers": 0.5})
    >>> night.load.rate
    150.0
    """

    load: Load | None = parameter("another load", unit="1/s", check=_load, default=None)
    changes: Mapping[str, Any] = parameter(
        "other values of parameters", check=_check.mapping, default_factory=dict
    )
    left: Mapping[str, float] = parameter(
        "share of a whole number that is left", check=_shares, default_factory=dict
    )

    def __post_init__(self) -> None:
        check_fields(self)

    def applied(self, model: Asked) -> Asked:
        """Return a model as it is in the scenario."""
        known = model.parameters()
        rest = {}
        for name, share in self.left.items():
            if name not in known:
                raise ModelError(f"no parameter {name!r} in the model")
            # 2/3 of 24 is 16, though 24 * (2 / 3) may be a little less.
            rest[name] = max(math.floor(float(known[name]) * share * (1 + 1e-12)), 1)
        return model.replace({**self.changes, **rest})


@dataclass(frozen=True, slots=True, eq=False)
class Zones(Model):
    """Zones over which some numbers are spread evenly, so that the loss of one takes a share.

    Parameters
    ----------
    number : int
        Zones, >= 2. [-]
    spread : tuple of str
        The parameters that are spread over them, such as "app.servers". [-]

    Examples
    --------
    >>> Zones(3, ("app.servers",)).lost.left
    {'app.servers': 0.6667}
    """

    number: int = parameter("zones", check=partial(_check.one_count, least=2))
    spread: tuple[str, ...] = parameter(
        "parameters that are spread evenly over them", check=_check.each(_text)
    )

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def lost(self) -> Scenario:
        """The scenario in which one zone is lost."""
        return Scenario(left=dict.fromkeys(self.spread, 1 - 1 / self.number))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Site(Model):
    """A model, and what is asked of it: all that a model file says.

    Parameters
    ----------
    model : Pipeline or Station
        The model. [-]
    title : str, default ""
        What it is called. [-]
    load : Load or number, optional
        What comes to it; a number is the rate of a Poisson load. [1/s]
    objectives : sequence of str or Objective, default ()
        What must hold. [-]
    prices : mapping of str to number, optional
        Price of one of each thing that may be bought. [-]
    zones : Zones, optional
        Zones, and what is spread over them. [-]
    scenarios : mapping of str to Scenario, optional
        What may be otherwise. [-]
    spreads : mapping of str to number, optional
        How well parameters are known: the relative standard deviation of each. [-]
    measured : Region, optional
        Loads, utilization and kinds that the model was held against, as `qmodel calibrate`
        writes them: questions beyond are answered with a warning. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or a text is no objective.
    ModelError
        If something names a parameter that the model lacks.

    Examples
    --------
    >>> import qmodel as qm
    >>> shop = qm.Pipeline(qm.call("app", qm.MMc(0.045, servers=24)))
    >>> site = Site(model=shop, load=400.0, objectives=["p99 < 300 ms"],
    ...             zones=Zones(3, ("app.servers",)))
    >>> lost, load = site.under("a zone lost")
    >>> lost.parameters()["app.servers"], load.rate
    (16, 400.0)
    """

    model: Pipeline | Station
    title: str = parameter("what the site is called", check=_text, default="")
    load: Load | None = parameter("what comes to it", unit="1/s", check=_load, default=None)
    objectives: tuple[Objective, ...] = parameter(
        "what must hold, such as p99 < 300 ms", check=_goals, default=()
    )
    prices: Mapping[str, float] = parameter(
        "price of one of each thing that may be bought, such as app.servers",
        check=_each(_price),
        default_factory=dict,
    )
    zones: Zones | None = parameter(
        "zones, and what is spread over them", check=None, default=None
    )
    scenarios: Mapping[str, Scenario] = parameter(
        "what may be otherwise: another load, other values, a share of servers left",
        check=_each(_scenario),
        default_factory=dict,
    )
    spreads: Mapping[str, float] = parameter(
        "how well parameters are known: relative standard deviations such as 10 %",
        check=_each(_price),
        default_factory=dict,
    )
    measured: Region | None = parameter(
        "loads, utilization and kinds of request that were measured",
        check=None,
        default=None,
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if isinstance(self.model, Pipeline):
            object.__setattr__(self, "model", held_against(self.model, self.measured))
        if self.zones is not None:
            found = {**self.scenarios, A_ZONE_LOST: self.zones.lost}
            object.__setattr__(self, "scenarios", found)
        known = asked(self.model).parameters()
        named = [
            *(("prices", name) for name in self.prices),
            *(("spreads", n) for n in self.spreads if n != "arrival_rate"),
            *(("zones", name) for name in (self.zones.spread if self.zones else ())),
            *(
                (f"scenario {label!r}", name)
                for label, scenario in self.scenarios.items()
                for name in (*scenario.changes, *scenario.left)
            ),
        ]
        for where, name in named:
            if name not in known:
                raise ModelError(
                    f"{where}: no parameter {name!r} in the model{did_you_mean(name, known)}"
                )

    @property
    def pipeline(self) -> Pipeline:
        """The model as a pipeline; a station is the only one of its path."""
        if isinstance(self.model, Pipeline):
            return self.model
        return held_against(as_pipeline(self.model), self.measured)

    @property
    def rate(self) -> float | None:
        """The rate of the load, at its peak where it changes; None without one. [1/s]."""
        return None if self.load is None else rate_of(self.load)

    def changed(self, changes: Mapping[str, Any]) -> Site:
        """Return the site with other values of parameters.

        Parameters
        ----------
        changes : mapping of str to (number, array or str)
            From names of parameters to values; a text has a unit, such as "4 ms". [-]

        Returns
        -------
        Site
            The changed site. [-]

        Raises
        ------
        DomainError
            If a value is outside its domain, or a text is of another unit.
        ModelError
            If there is no such parameter.
        """
        whole = asked(self.model)
        known, said = whole.parameters(), meanings_of(whole)
        new = {}
        for name, value in changes.items():
            if name not in known:
                raise ModelError(
                    f"no parameter {name!r} in the model{did_you_mean(name, known)}"
                )
            new[name] = value
            if isinstance(value, str):
                try:
                    new[name] = number(value, said[name].unit, sizes=said[name].unit == "-")
                except QModelError as e:
                    raise DomainError(f"{name}: {e}") from None
                if math.isnan(new[name]):
                    raise DomainError(f"{name} must be a number, got {value!r}")
        found = whole.replace(new)
        model = found if isinstance(found, Pipeline) else found.station
        own = {n: s for n, s in self.scenarios.items() if not (self.zones and n == A_ZONE_LOST)}
        return replace(self, model=model, scenarios=own)

    def cache_named(self, name: str | None) -> str:
        """Return the name of a cache of the model: by default "cache", or the only one.

        Raises `ModelError` if there is none, or several and none is named.
        """
        from qmodel.pipeline.steps.cached import Cached

        roots = (root for _, root in self.pipeline.kinds.values())
        steps = (step for root in roots for step in root.walk())
        known = list({step.name: 0 for step in steps if isinstance(step, Cached)})
        if name is not None:
            if name not in known:
                raise ModelError(f"no cache {name!r} in the model{did_you_mean(name, known)}")
            return name
        if not known:
            raise ModelError("there is no cache in the model")
        if "cache" in known or len(known) == 1:
            return "cache" if "cache" in known else known[0]
        raise ModelError(f"the model has several caches: --name {' or --name '.join(known)}")

    def emptied(self, name: str, at: float, entries: int | None) -> tuple[str, Emptied]:
        """Return a cache by its name, and when it is emptied, for `Pipeline.over_time`.

        Parameters
        ----------
        name : str
            Its name. [-]
        at : float
            When it is emptied. [s]
        entries : int, optional
            How many objects fit, of a given hit ratio. [-]

        Returns
        -------
        tuple of str and Emptied
            The name, and what is known of its loss. [-]

        Raises
        ------
        ModelError
            If there is no such cache.
        """
        return self.cache_named(name), Emptied(at=at, entries=entries)

    def sizing(self, *, prices: Mapping[str, float] | None = None) -> Sizes:
        """Return prices and scenarios as `qmodel.size` takes them.

        In a scenario of a sizing, a number that is sized stands for the share that is left.

        Parameters
        ----------
        prices : mapping of str to number, optional
            Other prices. [-]

        Returns
        -------
        Sizes
            The prices, None for those that `qmodel.size` takes by default, and scenarios. [-]

        Raises
        ------
        ModelError
            If a scenario gives something that is sized another number, and no share.
        """
        priced = dict(prices or self.prices) or None
        found: dict[str, dict[str, Any]] = {"as it is": {}}
        sized = set(priced or ())
        for name, scenario in self.scenarios.items():
            fixed = sized & set(scenario.changes)
            if fixed:
                what = min(fixed)
                raise ModelError(
                    f"{what} is sized: in scenario {name!r} it must be the share that is left, "
                    f"such as 67 %, got {scenario.changes[what]:g}"
                )
            left = {n: x for n, x in scenario.left.items() if priced is None or n in sized}
            rest = Scenario(left={n: x for n, x in scenario.left.items() if n not in left})
            whole = rest.applied(asked(self.model)).parameters()
            own = {n: float(whole[n]) for n in rest.left}
            found[name] = {**scenario.changes, **own, **left}
            if scenario.load is not None:
                plain = isinstance(scenario.load, Poisson)
                found[name]["arrival_rate"] = rate_of(scenario.load) if plain else scenario.load
        return Sizes(priced, found if len(found) > 1 else None)

    @checked
    def under(self, scenario: str) -> tuple[Pipeline, Load | None]:
        """Return model and load in a scenario.

        Parameters
        ----------
        scenario : str
            Its name. [-]

        Returns
        -------
        tuple of Pipeline and Load
            The model, and the load; None where none is said. [-]

        Raises
        ------
        ModelError
            If there is no scenario of the name.
        """
        if scenario not in self.scenarios:
            hint = did_you_mean(scenario, self.scenarios) or "; the model has none"
            raise ModelError(f"no scenario {scenario!r}{hint}")
        found = self.scenarios[scenario]
        model = found.applied(asked(self.model))
        pipeline = model if isinstance(model, Pipeline) else as_pipeline(model.station)
        return pipeline, found.load or self.load


def rate_of(load: Load) -> float:
    """Return the rate of a load, at its peak where it changes; users have none [1/s]."""
    if isinstance(load, Profile):
        return load.peak
    rate = getattr(load, "rate", None)
    if rate is None:
        raise ModelError(
            f"a {type(load).__name__} load has no rate: give one, such as --rate 1200/s"
        )
    return float(rate)


class Sizes(NamedTuple):
    """Prices and scenarios as `qmodel.size` takes them."""

    prices: dict[str, float] | None
    scenarios: dict[str, dict[str, Any]] | None


def meanings_of(model: Asked) -> dict[str, Parameter]:
    """Return unit, symbol and meaning of each parameter of a model."""
    if isinstance(model, Pipeline):
        return meanings(model)
    return {name: said(model.station, name) for name in model.parameters()}
