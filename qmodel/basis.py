"""How much a number can be trusted: exact, asymptotic or approximate, and why.

Every quantity of a result rests on named *assumptions*. Some are statements of the model
(Poisson arrivals) and leave a quantity exact; some replace a quantity by an approximation
of it. The label of a quantity is the weakest of its assumptions', so a label can never be
better than what the number was computed from.

Examples
--------
>>> from qmodel.basis import Basis, INDEPENDENT_SOJOURNS, POISSON_ARRIVALS
>>> both = (POISSON_ARRIVALS, INDEPENDENT_SOJOURNS)
>>> basis = Basis({"mean": (POISSON_ARRIVALS,), "p99": both})
>>> basis, basis["mean"], basis["p99"]
('approximate', 'exact', 'approximate')
>>> basis.assumptions("p99")
('poisson-arrivals', 'independent-sojourns')
>>> basis.assumptions("p99")[1].source
'Reich 1957; Burke 1969; Walrand and Varaiya 1980'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, overload

from qmodel.errors import ModelError

__all__ = ["APPROXIMATE", "ASYMPTOTIC", "EXACT", "Assumption", "Basis", "union"]

Label = Literal["exact", "asymptotic", "approximate"]

EXACT: Label = "exact"
ASYMPTOTIC: Label = "asymptotic"
APPROXIMATE: Label = "approximate"
_STRENGTH = (EXACT, ASYMPTOTIC, APPROXIMATE)


class Assumption(str):
    """A named statement that a number rests on; compares equal to its name.

    Parameters
    ----------
    name : str
        Short name, such as "independent-sojourns". [-]
    statement : str
        What is assumed, and the error where it does not hold. [-]
    source : str
        Who showed it, and when. [-]
    label : {"exact", "asymptotic", "approximate"}, default "exact"
        What the assumption makes of the numbers that rest on it. [-]

    Examples
    --------
    >>> POISSON_ARRIVALS == "poisson-arrivals", POISSON_ARRIVALS.label
    (True, 'exact')
    """

    __slots__ = ("label", "source", "statement")

    statement: str
    source: str
    label: Label

    def __new__(
        cls, name: str, statement: str, source: str, label: Label = EXACT
    ) -> Assumption:
        """Make the name, and hang the rest on it."""
        self = super().__new__(cls, name)
        self.statement, self.source, self.label = statement, source, label
        return self

    def __getnewargs__(self) -> tuple[str, str, str, Label]:  # type: ignore[override]
        return str(self), self.statement, self.source, self.label


def union(*groups: Iterable[Assumption]) -> tuple[Assumption, ...]:
    """Return the assumptions of all `groups`, each once, in order of appearance."""
    return tuple(dict.fromkeys(a for group in groups for a in group))


def weakest(assumptions: Iterable[Assumption]) -> Label:
    """Return the weakest label among `assumptions`; exact if there are none."""
    return max((a.label for a in assumptions), key=_STRENGTH.index, default=EXACT)


class Basis(str):
    """The label of a result, and of each of its quantities.

    As text it is the weakest label; ``basis["p99"]`` is the label of one quantity.

    Parameters
    ----------
    grounds : mapping of str to tuple of Assumption
        For each quantity, what it rests on. [-]

    Examples
    --------
    >>> Basis({"mean": (POISSON_ARRIVALS,), "p99": (INDEPENDENT_SOJOURNS,)})["mean"]
    'exact'
    """

    __slots__ = ("grounds",)

    grounds: Mapping[str, tuple[Assumption, ...]]

    def __new__(cls, grounds: Mapping[str, tuple[Assumption, ...]]) -> Basis:
        """Make the weakest label, and hang the grounds on it."""
        groups = {id(ground): ground for ground in grounds.values()}.values()
        self = super().__new__(cls, weakest(a for ground in groups for a in ground))
        self.grounds = dict(grounds)
        return self

    def __getnewargs__(self) -> tuple[Mapping[str, tuple[Assumption, ...]]]:  # type: ignore[override]
        return (self.grounds,)

    def resting_on(
        self, more: tuple[Assumption, ...], *, but: str = "", without: str = ""
    ) -> Basis:
        """Return the basis where all quantities rest on more, except for one; and without one.

        Parameters
        ----------
        more : tuple of Assumption
            What they rest on besides. [-]
        but : str, optional
            Name of the quantity that does not. [-]
        without : str, optional
            Name of the quantity that is not known any more. [-]

        Returns
        -------
        Basis
            The basis of the others. [-]

        Examples
        --------
        >>> basis = Basis({"mean": (POISSON_ARRIVALS,), "utilization": ()})
        >>> basis.resting_on((INDEPENDENT_SOJOURNS,), but="utilization")["utilization"]
        'exact'
        """
        known: dict[int, tuple[Assumption, ...]] = {}
        found = {}
        for name, ground in self.grounds.items():
            if name == without:
                continue
            if name != but:  # Many quantities have the same grounds.
                if id(ground) not in known:
                    known[id(ground)] = union(ground, more)
                ground = known[id(ground)]
            found[name] = ground
        return Basis(found)

    def assumptions(self, quantity: str) -> tuple[Assumption, ...]:
        """Return what `quantity` rests on; any percentile ("p99.9") is its distribution."""
        if not isinstance(quantity, str):
            raise ModelError(f"quantity must be a text, got {quantity!r}")
        if quantity not in self.grounds and _is_percentile(quantity):
            quantity = "percentiles"
        try:
            return self.grounds[quantity]
        except KeyError:
            known = ", ".join(self.grounds)
            raise ModelError(f"no quantity {quantity!r}; there are {known}") from None

    @overload  # type: ignore[override]
    def __getitem__(self, key: str) -> Label: ...
    @overload
    def __getitem__(self, key: int | slice) -> str: ...
    def __getitem__(self, key: str | int | slice) -> str:
        """Return the label of the quantity named `key`."""
        return weakest(self.assumptions(key)) if isinstance(key, str) else str(self)[key]


def _is_percentile(name: str) -> bool:
    return name[:1] == "p" and name[1:].replace(".", "", 1).isdigit()


POISSON_ARRIVALS = Assumption(
    "poisson-arrivals",
    "requests arrive in a Poisson stream, so an arrival sees the time average",
    "Wolff 1982 (PASTA)",
)
POISSON_SPLIT = Assumption(
    "poisson-departures",
    "what leaves a station is taken as Poisson where it enters the next one, which it is after "
    "M/M/c, processor sharing and delays, but not after other stations, forks and limits; "
    "between two equally loaded single servers at loads of 0.5 to 0.9 the mean response of the "
    "second, exponential one is up to 27 % high after constant service and 45 % low after an "
    "SCV of 4, of a constant one 89 % high and 62 % low",
    "Burke 1956 and Kelly 1979 for where it holds; Whitt 1983 for the decomposition; our "
    "simulations",
    APPROXIMATE,
)
INDEPENDENT_SOJOURNS = Assumption(
    "independent-sojourns",
    "the times at the stations of a path are taken as independent; in simulations of tandems "
    "of exponential service at 70 to 90 % load no error was seen up to p99.9, and p99.9 of a "
    "whole web path was 0.5 % low",
    "Reich 1957; Burke 1969; Walrand and Varaiya 1980",
    APPROXIMATE,
)
