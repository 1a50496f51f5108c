r"""A station whose departures come to another one, which so depends on it.

What leaves a station is not a Poisson stream of a given rate where backlogs build up and drain:
on a day on which its jam ends early it has served more until then, and less from then on, and
the next station has filled before and drains already. The two numbers present,
n here and m at the next, have the joint probabilities P(n, m), as many as both have levels
together. They are sought in the form

.. math:: P(n, m, t) = p(n, t) \sum_j \varphi_j(n) \, a_j(m, t)

with the probabilities p of the station alone, which are known, and a few functions
:math:`\varphi_j`, the first of them 1. That the moments
:math:`f_i(m) = \sum_n \varphi_i(n) P(n, m)` change as by the Kolmogorov equations
of both stations (the method of Galerkin [1]_) gives as many chains over m, coupled by

.. math::

    \dot f_i(m) = \sum_j K_{ij} f_j(m) + \sum_j \bigl(W_{ij} f_j(m - 1) - W_{ij} f_j(m)\bigr)
    + \text{services at the next}, \qquad K = A C^{-1}, \; W = D C^{-1},

.. math::

    C_{ij} = \langle \varphi_i \varphi_j \rangle, \qquad
    A_{ij} = \langle (L \varphi_i) \, \varphi_j \rangle, \qquad
    D_{ij} = \langle s(n) \, \varphi_i(n - 1) \, \varphi_j(n) \rangle

where :math:`\langle \cdot \rangle` is the mean over p, L what changes the station alone and s
what it serves a second. :math:`\varphi` are measured from their means. In a steady state of
exponential service
:math:`\langle s(n) \varphi(n - 1) \rangle = \lambda \langle \varphi \rangle`, all
:math:`f_i` but the first are 0, and the next station is that of a Poisson stream, exactly
(Reich [2]_). Elsewhere, with the number of busy servers, the backlog, its square and two
exponentials of it, numbers at the next are within 1 % of those of the joint equations until a
jam ends, and within 5 % in its last moments; fed by the mean they are 30 % low there.

References
----------
.. [1] S. Engblom, "Spectral approximation of solutions to the chemical master equation",
   Journal of Computational and Applied Mathematics 229, 2009.
.. [2] E. Reich, "Waiting times when queues are in tandem", Annals of Mathematical Statistics
   28, 1957.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from qmodel.transients.reading import Reading

__all__ = ["Coupling", "Feed", "Moves", "feed_of"]

_NEXT_TO_FULL = 0.5, 0.1
"""The backlogs that exponentials tell apart, in standard deviations."""

_FULL = 0.95
"""Utilization below which a station is never in a jam."""

_ROUNDING = 1e-9
"""Variance of a function beside the others below which it is none."""

_NO_VARIANCE = 1e-6
"""Variance of a function, of 1 at most, that is none."""

_HARDLY = 1e-3
"""Moments, and their change beside what comes, that change nothing."""


class Coupling(NamedTuple):
    """How the moments change at a moment."""

    here: np.ndarray
    """By what the station does [1/s]."""
    coming: np.ndarray
    """By what comes to the next [1/s]."""


class Moves(NamedTuple):
    """What happens at each number present, of any servers, at each time; arrays of (t, n)."""

    p: np.ndarray
    """The probabilities of the numbers [-]."""
    entering: np.ndarray
    """Those who come a second and find each [1/s]."""
    served: np.ndarray
    """Those who are served a second [1/s]."""
    leaving: np.ndarray
    """Those who leave a second, served or not [1/s]."""
    extra: np.ndarray
    """More who come, and leave, because work is not exponential [1/s]."""
    at_once: np.ndarray
    """Those who are served a second and did not wait [1/s]."""


class Feed:
    """A station at a sequence of times, with what it means for the next.

    Parameters
    ----------
    numbers : array of shape (n,)
        Its levels. [-]
    servers : float
        Its servers, the most that there ever are. [-]
    times : array of shape (t,)
        The times. [s]
    moves : Moves
        What happens then. [-]
    share : array of shape (t,)
        The share of what it serves that goes to the next. [-]
    others : array of shape (t,)
        What comes there from elsewhere. [1/s]
    """

    def __init__(
        self,
        numbers: np.ndarray,
        servers: float,
        times: np.ndarray,
        moves: Moves,
        *,
        share: np.ndarray,
        others: np.ndarray,
    ) -> None:
        self.times, self._share, self._others = times, share, others
        self._numbers, self._servers = numbers, servers
        whole = np.maximum(moves.p.sum(axis=1, keepdims=True), 1e-300)
        self._moves = Moves(*(x / whole for x in moves))

    @property
    def size(self) -> int:
        """The number of functions. [-]."""
        return int(self._known.shape[-1])

    def at(self, time: float) -> Coupling:
        """Return how moments change at a time, linear between those that are known."""
        times, known = self.times, self._known
        k = int(np.clip(np.searchsorted(times, time, side="right"), 1, len(times) - 1))
        part = min(max((time - times[k - 1]) / (times[k] - times[k - 1]), 0.0), 1.0)
        variance, here, coming, more = (1 - part) * known[k - 1] + part * known[k]
        found = np.linalg.solve(variance, np.concatenate([here, coming]).T).T
        size = len(variance)
        # Of a function that is the same wherever the station may be there is no moment.
        none = (_NO_VARIANCE / np.diag(variance)[1:]) ** 2
        found[np.arange(1, size), np.arange(1, size)] -= coming[0, 0] * none
        return Coupling(found[:size], found[size:] + more)

    def idle(self, start: float, end: float) -> bool:
        """Return whether moments hardly move from 0 between two times."""
        times = self.times
        low = max(int(np.searchsorted(times, start, side="right")) - 1, 0)
        high = int(np.searchsorted(times, end)) + 1
        coming = self._known[low:high, 2] + self._known[low:high, 3]
        moves = np.abs(coming[:, 1:, 0]).max(axis=1, initial=0.0)
        return bool((moves <= _HARDLY * coming[:, 0, 0]).all())

    def none(self, moments: np.ndarray) -> bool:
        """Return whether moments are hardly any."""
        return bool(np.abs(moments).sum(axis=1).max(initial=0.0) <= _HARDLY)

    @property
    def variances(self) -> np.ndarray:
        """The variances of the functions at each time. [-]."""
        return np.asarray(self._known[:, 0])

    def told_apart(self, places: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Return the functions of those who leave, from their means, along the last axis.

        `places` are those of the times, and `left` the numbers present when they leave; NaN of
        those who did not wait, who are any of them.
        """
        functions, means = self._told
        known = functions(np.nan_to_num(left).ravel()).T.reshape(*np.shape(left), -1)
        waited = np.isfinite(left)[..., None]
        values = np.where(waited, known - means[places], self._not_waiting[places])
        return np.concatenate([np.ones((*np.shape(left), 1)), values], axis=-1)

    @cached_property
    def _not_waiting(self) -> np.ndarray:
        """The functions of those who leave without having waited, from their means: (t, j)."""
        functions, means = self._told
        leave = self._moves.at_once
        some = leave.sum(axis=1, keepdims=True)
        found = leave @ functions(self._numbers).T / np.maximum(some, 1e-300) - means
        return np.where(some > 1e-12, found, 0.0)

    @cached_property
    def _told(self) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
        """The functions, of a variance of at most 1, and their means at each time."""
        n, servers, p = self._numbers, self._servers, self._moves.p
        waiting = np.maximum(n - servers, 0.0)
        mean = p @ waiting
        far = float(np.sqrt(max((p @ waiting**2 - mean**2).max(), 1.0)))
        at = _functions(n, servers, far)
        spread = (p @ at.T**2 - (p @ at.T) ** 2).max(axis=0)
        scale = np.sqrt(np.maximum(spread, 1e-12))[:, None]

        def functions(numbers: np.ndarray) -> np.ndarray:
            return np.asarray(_functions(numbers, servers, far) / scale)

        return functions, p @ functions(n).T

    @cached_property
    def _known(self) -> np.ndarray:
        """C, A, D and what comes from elsewhere at each time: (t, 4, i, j)."""
        n, (p, coming, served, leaving, extra, _) = self._numbers, self._moves
        functions, means = self._told
        at, above, below = functions(n), functions(n + 1), functions(np.maximum(n - 1, 0.0))
        size = len(at) + 1
        found = np.zeros((len(p), 4, size, size))
        for k in range(len(p)):
            here = np.vstack([np.ones(len(n)), at - means[k][:, None]])
            after = np.vstack([np.ones(len(n)), below - means[k][:, None]])
            found[k, 0] = (here * p[k]) @ here.T
            rises = (above - at) * (coming[k] + extra[k])
            falls = (below - at) * (leaving[k] + extra[k])
            found[k, 1, 1:, 1:] = (rises + falls) @ here[1:].T
            found[k, 2] = (after * (self._share[k] * served[k])) @ here.T
            found[k, 0] += np.diag(_ROUNDING * np.diag(found[k, 0]) + _NO_VARIANCE)
            found[k, 0, 0], found[k, 0, :, 0] = np.eye(size)[0], np.eye(size)[0]
        found[:, 3] = self._others[:, None, None] * np.eye(size)
        return found


def _functions(numbers: Any, servers: float, far: float) -> np.ndarray:
    """Return the functions of the number present that are told apart."""
    backlog = np.maximum(numbers - servers, 0.0) / far
    near = [np.exp(-backlog / length) for length in _NEXT_TO_FULL]
    return np.vstack([np.minimum(numbers, servers), backlog, backlog**2, *near])


def feed_of(reading: Reading, flow: np.ndarray, total: np.ndarray) -> Feed | None:
    """Return the station as one from which a flow comes to the next, of a total [1/s].

    None where it is never full, and what leaves it is nearly Poisson, or an autoscaler may
    decide one way or another.
    """
    walk, n, parts = reading.walk, reading.numbers, reading.parts()
    full = any(
        (p @ np.minimum(n, there) >= _FULL * there * p.sum(axis=1)).any()
        for part in parts
        for there, _, p in part.by_servers()
    )
    if len(parts) > 1 or not full:
        return None
    moves = Moves(*np.zeros((6, len(reading.times), len(n))))
    (part,) = parts
    moves.entering[:] = reading.rates[:, None] * part.finding
    for there, at, p in part.by_servers():
        more = np.array([walk.more(rate, there) for rate in reading.rates[at]])
        moves.p[at] = p
        moves.served[at] = served = p * walk.completions(n, there)
        moves.leaving[at] = p * walk.deaths(n, there)
        moves.extra[at] = more[:, None] * (n >= there) * p
        moves.at_once[at] = served * (n <= there)
    if n[-1] >= walk.room:
        moves.entering[:, -1] = 0.0
    served = moves.served.sum(axis=1)
    share = np.clip(np.asarray(flow) / np.maximum(served, 1e-300), 0.0, 1.0)
    return Feed(
        n,
        float(part.strand.ready.max()),
        reading.times,
        moves,
        share=share,
        others=np.maximum(np.asarray(total) - share * served, 0.0),
    )
