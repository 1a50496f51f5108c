r"""The numbers present that are told apart, and the rates between them.

The number of requests at a station with exponential work is a birth and death process. Where
it stays small each number is a level of its own, and nothing is approximated. Where backlogs
run to millions, levels lie further apart the further they are from full: a fixed share of
their distance. Between three neighbours, a below and b above, a walk with births
:math:`\lambda` and deaths d leaves by the upper one with

.. math::

    P_\uparrow = \frac{1 - r^a}{1 - r^{a + b}}, \qquad r = d / \lambda, \qquad
    E[T] = \frac{b P_\uparrow - a (1 - P_\uparrow)}{\lambda - d}

(the gambler's ruin [1]_), and the chain on the levels jumps with these: its means and its
stationary distribution are those of the walk. Where it drifts far, while a backlog grows or
drains, such jumps one way would spread it by several percent of the backlog. There the rates up
and down, b and a away, are those of the drift and of the variance of the walk,

.. math::

    b \, q_\uparrow - a \, q_\downarrow = \lambda - d, \qquad
    b^2 q_\uparrow + a^2 q_\downarrow
    = \max \bigl(\lambda + d, \; |\lambda - d| (a + b) / 8 \bigr),

differences of second order [2]_: the rate against the drift may be negative, as what is told
apart is never so narrow that probabilities would be. Spread is that of the walk, or 1 to 2 % of
the backlog where that is less.

References
----------
.. [1] W. Feller, "An Introduction to Probability Theory and Its Applications", vol. 1, 3rd ed.,
   Wiley, 1968, ch. XIV.
.. [2] R. J. LeVeque, "Finite Volume Methods for Hyperbolic Problems", Cambridge University
   Press, 2002, ch. 4 (central differences, and how much spread they need).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Levels", "Runs", "levels_for", "on_levels", "rates_of"]

_SINGLY = 400
"""Numbers next to full that are levels of their own."""

_NEAR, _MOST_DRIFT = 1.0, 8.0
"""Drift over two levels against the spread: below the one jumps are those of the gambler's
ruin, and above the other the spread is more than that of the walk."""

_FINE = 25
"""Levels in the standard deviation of a Poisson number of all servers."""


class Runs(NamedTuple):
    """Levels in runs of those that are alike, which have the same rates.

    Runs of single numbers come first, and the two ends, then those that are further apart.
    """

    first: np.ndarray
    """The first level of each run."""
    place: np.ndarray
    """Of which run each level is."""
    single: np.ndarray
    """Jumps up and down for each birth and death, of the runs that come first [-]."""
    up: np.ndarray
    """Distance to the next level, of the others [-]."""
    down: np.ndarray
    """Distance to the level before, of the others [-]."""


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of a station, from 0.

    Parameters
    ----------
    numbers : array of shape (n,)
        The numbers present, increasing from 0. [-]
    """

    numbers: np.ndarray

    @cached_property
    def _above(self) -> np.ndarray:
        """Distance to the next level, 0 at the last. [-]."""
        return np.diff(self.numbers, append=self.numbers[-1])

    @cached_property
    def _below(self) -> np.ndarray:
        """Distance to the level before, 0 at the first. [-]."""
        return np.diff(self.numbers, prepend=self.numbers[:1])

    def runs(self, *values: np.ndarray) -> Runs:
        """Return the levels in runs, within each of which all `values` are the same."""
        known = np.stack([self._above, self._below, *values])
        new = (np.diff(known, axis=1, prepend=np.nan) != 0).any(axis=0)
        first, run = np.flatnonzero(new), np.cumsum(new) - 1
        up, down = known[:2, first]
        wide = (up * down > 0) & ((up > 1) | (down > 1))
        order, place = np.argsort(wide, kind="stable"), np.empty(len(first), dtype=int)
        place[order] = np.arange(len(first))
        apart = known[:2, first[~wide]]
        single = np.divide(1, apart, out=np.zeros_like(apart), where=apart > 0)
        return Runs(first[order], place[run], single, up[wide], down[wide])

    @cached_property
    def of_more(self) -> tuple[np.ndarray, np.ndarray]:
        """How much more often jumps up and down are for one more birth a second. [-]."""
        up, down = self._above, self._below
        rise, fall = np.zeros((2, len(up)))
        inner = (up > 0) & (down > 0)
        a, b = up[inner], down[inner]
        rise[inner], fall[inner] = (1 + b) / (a * (a + b)), (1 - a) / (b * (a + b))
        first = (up > 0) & (down == 0)
        rise[first] = 1 / up[first]
        return rise, fall

    def rates(
        self, births: np.ndarray, deaths: np.ndarray, *, moving: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rates up and down from each level, given those of the walk there [1/s].

        Those of a chain that does not move keep its stationary distribution, and are positive.
        """
        runs = self.runs(births, deaths)
        walk = np.stack([births, deaths])[:, None, runs.first]
        rise, fall = rates_of(runs, walk, moving=moving)[:, 0]
        return rise, fall


def rates_of(runs: Runs, walks: np.ndarray, *, moving: bool = True) -> np.ndarray:
    """Return the rates up and down from each level, given births and deaths in each run [1/s].

    Births and deaths come first, then one walk or several on the same levels, then the runs.
    Those of a chain that does not move keep its stationary distribution, and are positive.
    """
    single, up, down = runs[2:]
    singly, rates = single.shape[1], walks.copy()
    rates[:, :, :singly] *= single[:, None]
    if up.size:
        births, deaths = walks[:, :, singly:]
        found = rates[:, :, singly:]
        slow = np.ones(births.shape, dtype=bool)
        if moving:
            drift, spread, span = births - deaths, births + deaths, up + down
            push = np.abs(drift) * span
            slow = push <= _NEAR * spread
            spread = np.maximum(spread, push / _MOST_DRIFT)
            # Where the drift is small this is written over.
            found[0] = (spread + drift * down) / (up * span)
            found[1] = (spread - drift * up) / (down * span)
        columns = np.nonzero(slow)[1]
        if columns.size:
            found[:, slow] = _jumps(births[slow], deaths[slow], up[columns], down[columns])
    return rates.take(runs.place, axis=2)


def _jumps(births: Any, deaths: Any, up: Any, down: Any) -> tuple[Any, Any]:
    """Return the rates of the gambler's jumps so far up and down."""
    span = up + down
    with np.errstate(all="ignore"):
        slope = np.log(deaths / births)
        falling, steep = slope > 0, np.abs(slope)
        # The way against the drift has the small weight: no overflow either way.
        along, whole = np.where(falling, down, up), steep * span
        other = np.exp(-steep * (span - along)) * np.expm1(-steep * along) / np.expm1(-whole)
        rising = np.where(falling, other, 1 - other)
        pace = (births - deaths) / (span * rising - down)
        rise, fall = pace * rising, pace * (1 - rising)
    (flat,) = np.nonzero(~(whole >= 1e-6))
    if flat.size:
        pace = (births + deaths)[flat] / span[flat]
        rise[flat], fall[flat] = pace / up[flat], pace / down[flat]
    return rise, fall


def levels_for(servers: float, most: float, room: float = np.inf) -> Levels:
    """Return the levels of a station up to a number present.

    Parameters
    ----------
    servers : float
        Servers at most, around which levels are closest. [-]
    most : float
        The greatest number that matters. [-]
    room : float, default inf
        The greatest number that fits: the last level, if it is reached. [-]

    Returns
    -------
    Levels
        From 0 to `most` or `room`. [-]
    """
    end = float(min(np.ceil(most), room))
    fine = max(1.0, np.floor(np.sqrt(servers) / _FINE))
    centre = float(min(servers, end))

    def outwards(length: float) -> np.ndarray:
        found, at, step = [0.0], 0.0, fine
        while at < length:
            step = max(fine, np.floor(at / _SINGLY))
            at = min(at + step, length)
            found.append(at)
        return np.array(found)

    below, beyond = centre - outwards(centre)[::-1], centre + outwards(end - centre)
    return Levels(np.unique(np.concatenate([below, beyond])))


def on_levels(numbers: np.ndarray, old: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return probabilities of old levels on others, of the same mean but at the last."""
    if np.array_equal(old, numbers):
        return seen
    found = np.zeros((len(seen), len(numbers)))
    above = np.clip(np.searchsorted(numbers, old), 1, max(len(numbers) - 1, 1))
    gaps = numbers[above % len(numbers)] - numbers[above - 1]
    parts = np.clip((old - numbers[above - 1]) / np.maximum(gaps, 1.0), 0.0, 1.0)
    for i, (place, part) in enumerate(zip(above, parts, strict=True)):
        found[:, place - 1] += (1 - part) * seen[:, i]
        found[:, place % len(numbers)] += part * seen[:, i]
    return found
