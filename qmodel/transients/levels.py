r"""The numbers present that are told apart, and the rates between them.

The number of requests at a station with exponential work is a birth and death process. Where
it stays small each number is a level of its own, and nothing is approximated. Where backlogs run
to millions, levels lie further apart the further they are from full: a fixed share of their
distance. Between three neighbours, a below and b above, a walk with births :math:`\lambda` and
deaths d leaves by the upper one with

.. math::

    P_\uparrow = \frac{1 - r^a}{1 - r^{a + b}}, \qquad r = d / \lambda, \qquad
    E[T] = \frac{b P_\uparrow - a (1 - P_\uparrow)}{\lambda - d}

(the gambler's ruin [1]_), and the chain on the levels jumps with these: its means and its
stationary law are those of the walk. What it adds is spread while a backlog grows or drains: a
variance that is larger by a factor of at most b, a fraction of a percent of the backlog.

References
----------
.. [1] W. Feller, "An Introduction to Probability Theory and Its Applications", vol. 1, 3rd ed.,
   Wiley, 1968, ch. XIV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Levels", "levels_for"]

_SINGLY = 400
"""Numbers next to full that are levels of their own."""

_FINE = 25
"""Levels in the standard deviation of a Poisson number of all servers."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The levels of a station, from 0.

    Parameters
    ----------
    numbers : array of shape (n,)
        The numbers present, increasing from 0. [-]
    """

    numbers: np.ndarray

    @property
    def above(self) -> np.ndarray:
        """Distance to the next level, 0 at the last. [-]."""
        return np.diff(self.numbers, append=self.numbers[-1])

    @property
    def below(self) -> np.ndarray:
        """Distance to the level before, 0 at the first. [-]."""
        return np.diff(self.numbers, prepend=0.0)

    def rates(self, births: np.ndarray, deaths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rates up and down from each level, given those of the walk there [1/s]."""
        up, down = self.above, self.below
        if len(self.numbers) < 2 or (up[:-1] == 1).all():
            return np.where(up > 0, births, 0.0), np.where(down > 0, deaths, 0.0)
        with np.errstate(all="ignore"):
            slope = np.log(deaths / births)
            steep = np.abs(slope)
            # Of the steep walk the way against the drift has no weight: no overflow either way.
            along = np.where(slope > 0, down, up)
            against = np.where(slope > 0, up, down)
            other = np.exp(-against * steep) * np.expm1(-along * steep)
            other /= np.expm1(-(up + down) * steep)
            rising = np.where(slope > 0, other, 1 - other)
            time = (up * rising - down * (1 - rising)) / (births - deaths)
        flat = steep * (up + down) < 1e-6
        total = births + deaths
        with np.errstate(all="ignore"):
            rising = np.where(flat, down / (up + down), rising)
            time = np.where(flat, up * down / total, time)
            one_way = (births == 0) | (deaths == 0)
            rising = np.where(one_way, births > 0, rising)
            time = np.where(one_way, np.where(births > 0, up, down) / total, time)
            first, last = down == 0, up == 0
            over = np.where(total == 0, 0.0, 1 / time)
        rise = np.where(first, births / np.where(up > 0, up, 1.0), over * rising)
        fall = np.where(last, deaths / np.where(down > 0, down, 1.0), over * (1 - rising))
        return np.where(last, 0.0, rise), np.where(first, 0.0, fall)


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
