r"""Waits at queues that the same requests load, given when these came.

Given all arrivals, the waits at n such queues are independent. With the time U since the
request before, which is the same at all queues, and the service S of that request there, which
is not [1]_,

.. math::

    q(t, U, z) = P(W' + S > t + U \mid z) = \bar F_S(t + U) + \int q'(t + U - s, z)\, dF_S(s) ,

where z is all that came before, :math:`q'` of the wait W' of that request. How often q is how
large, over U and z, is what the order statistics ask for. It is sorted at each t, so that it is
again a function of one normal factor, and the step is taken again: what waits have in common
by the last few requests is exact, and what they have by all those before is that of normal
scores (`qmodel.balancing.fan_out.likeness`), with which it begins. That all q(t) rise with one
factor is ours; steps of one request do without any other constant, and end within 3 % of
simulations of M/G/1.

**Several servers.** While all c are busy, they are one of the service S / c. Where a queue with
c servers is empty, that one is taken to have something left to do: its waits beyond a level are
those at the c servers, and below it are exponential, up to the share :math:`\rho` that waits
at one server. That forgets how long servers stay busy when not all are: with the share D that
waits and the SCV of service, scores are moved away from those of one wait by a share
:math:`(1 - D)^4 (2 - 1 / c_s^2)^+ / c` of what is between, a fit to simulations of 2 to 8
servers.

**Numerics.** Four steps of 4 c requests each, whose services together are taken as gamma, then
eight of one request; 88 waits, 10 times U, 41 values of the factor. After each step the scores
at t are shifted, so that the distribution of one wait is kept. Of service that hardly varies q
is 0 or 1, and normal scores are as good: from a correlation of 0.9 to 0.98 they take over, and
of waits as rare as scores from -2.5 to -4.5, which are far apart here.

References
----------
.. [1] D. V. Lindley, "The theory of queues with a single server", Mathematical Proceedings of
   the Cambridge Philosophical Society 48, 1952 (the recursion of the waits).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from qmodel.distributions import Distribution
from qmodel.numerics.quadrature import on_unit_interval

__all__ = ["FACTOR", "waits_given"]

FACTOR = np.linspace(-5.0, 5.0, 41)
"""Values of the normal factor."""
_WEIGHTS = np.exp(-(FACTOR**2) / 2) / np.exp(-(FACTOR**2) / 2).sum()
_COUNT, _BELOW, _NEAR, _FAR = 88, 8, 0.03, 30.0
"""Waits, those below the level of several servers, and where they are, in mean waits."""
_WIDTH = np.arcsinh(_FAR / _NEAR) / (_COUNT - 1)
_GAPS, _STEPS = 10, ((4, 4), (1, 8))
"""Times between requests; requests in a step at one server, and steps."""
_ENDS = 4
"""How many of the factors at each end are not read off."""
_LEAST, _MOST, _MOST_VARIED = 1e-300, 1 - 1e-11, 50.0
_REGULAR, _RARE = (0.9, 0.98), (-2.5, -4.5)
"""Correlations, and scores of waits, from which on and to which normal scores take over."""
_BLOCK = 4
"""Cells at once, which fit into a cache."""


def waits_given(
    wait: Distribution,
    service: Distribution,
    tail: Callable[[Any], Any],
    rate: Any,
    servers: Any,
    correlation: Any,
) -> tuple[Any, Any]:
    """Return waits, and the scores of being longer given the factor that queues have in common.

    Parameters
    ----------
    wait, service : Distribution
        Wait at one queue, and its service. [-]
    tail : callable
        Share of services that are longer than a time. [-]
    rate : number or array
        Requests a second. [1/s]
    servers : int or integer array
        Servers of a queue. [-]
    correlation : number or array
        Correlation of the scores, with which the steps begin. [-]

    Returns
    -------
    tuple of two arrays
        Waits from 0 on, and the scores along another last axis, at `FACTOR`.
    """
    shapes = (np.shape(x) for x in (wait.mean, service.mean, rate, servers, correlation))
    cells = np.broadcast_shapes(*shapes)
    late = np.broadcast_to(1 - np.asarray(wait.atom, dtype=float), cells)
    work = np.asarray(service.mean / servers, dtype=float)  # At all servers together.
    with np.errstate(all="ignore"):
        load = np.broadcast_to(np.clip(rate * work, 0.0, 1.0), cells)
        mean = np.asarray(wait.mean) / late / work
        mean = np.where(np.isfinite(mean) & (mean > 0), mean, 1.0)
        level = np.where(np.greater(servers, 1), np.log(load / late), 0.0)
        level = np.where(np.isfinite(level), np.clip(level, 0.0, _FAR), 0.0) * mean
    unit = np.maximum(mean, 0.5)
    above = _NEAR * np.sinh(_WIDTH * _along(np.arange(_COUNT), cells)) * unit
    below = _along(np.arange(_BELOW) / _BELOW, cells) * level
    times = np.concatenate([below, level + above])
    still = np.array(np.broadcast_to(wait.tail(above * work), above.shape), dtype=float)
    still[0] = late
    still = np.concatenate([load * np.exp(-below / mean), still])
    apart = times[:, None] - times
    longer = np.where(apart < 0, 1.0, tail(np.maximum(apart, 0.0) * service.mean))
    served = np.broadcast_to(tail(times * service.mean), times.shape)
    queues = _Queues(*(
        np.moveaxis(np.reshape(x, (*np.shape(x)[: np.ndim(x) - len(cells)], -1)), -1, 0)
        for x in (
            *(np.broadcast_to(x, cells) for x in (load, servers, service.scv, correlation)),
            level, unit, times, still, served, longer,
        )
    ))  # fmt: skip
    blocks = [slice(i, i + _BLOCK) for i in range(0, len(queues.load), _BLOCK)]
    with np.errstate(all="ignore"):
        scores = np.concatenate([_Queues(*(x[b] for x in queues)).scores() for b in blocks])
    scores = np.moveaxis(scores[:, _BELOW:], 0, 1)
    return above * work, scores.reshape(*above.shape, len(FACTOR))


def _along(values: Any, cells: tuple[int, ...]) -> Any:
    return values.reshape(-1, *[1] * len(cells))


def _score(probability: Any) -> Any:
    from scipy.special import ndtri

    return ndtri(np.clip(probability, _LEAST, _MOST))


class _Queues(NamedTuple):
    """Queues, one along the first axis; times are in services of all servers together."""

    load: Any
    servers: Any
    scv: Any
    correlation: Any
    level: Any
    unit: Any
    times: Any
    still: Any
    """How often a request waits longer than the times."""
    served: Any
    longer: Any
    """Share of services longer than the times, and than what lies between two of them."""

    def scores(self) -> Any:
        """Return the scores given the factor after all steps: of queues, times, factors."""
        root, own = (
            np.sqrt(x)[:, None, None] for x in (self.correlation, 1 - self.correlation)
        )
        normal = found = (_score(self.still)[..., None] + root * FACTOR) / own
        for requests, steps in _STEPS:
            step = _Step(self, requests if requests == 1 else requests * self.servers)
            for _ in range(steps):
                found = self._kept(step(found))
        found = self._more_alike(found)
        (first, last), (near, far) = _REGULAR, _RARE
        regular = np.clip((self.correlation - first) / (last - first), 0.0, 1.0)[:, None]
        rare = np.clip((_score(self.still) - near) / (far - near), 0.0, 1.0)
        share = np.maximum(regular, rare)[..., None]
        return np.where(share < 1, found + share * (normal - found), normal)

    def _more_alike(self, scores: Any) -> Any:
        """Return scores further from one another at several servers, by a fit."""
        if np.all(self.servers == 1):
            return scores
        idle, varied = 1 - self.still[:, _BELOW], np.maximum(2 - 1 / self.scv, 0.0)
        more = np.where(self.servers > 1, idle**4 * varied / self.servers, 0.0)
        apart = scores - _score(self.still)[..., None]
        return self._kept(scores + more[:, None, None] * apart)

    def _kept(self, scores: Any) -> Any:
        """Return scores shifted so that all together are late as often as one wait."""
        from scipy.special import ndtr

        for _ in range(3):
            density = (np.exp(-(scores**2) / 2) / np.sqrt(2 * np.pi)) @ _WEIGHTS
            shift = (self.still - ndtr(scores) @ _WEIGHTS) / density
            shift = np.where(np.isfinite(shift), np.clip(shift, -0.5, 0.5), 0.0)
            scores = scores + shift[..., None]
        return scores

    def place(self, times: Any) -> tuple[Any, Any]:
        """Return after which of the times others are, and how far towards the next."""
        level, unit = (x.reshape(-1, *[1] * (times.ndim - 1)) for x in (self.level, self.unit))
        above = np.arcsinh(np.maximum(times - level, 0.0) / (_NEAR * unit)) / _WIDTH + _BELOW
        at = np.where(times < level, times / level * _BELOW, above)
        first = np.clip(np.nan_to_num(at).astype(int), 0, _COUNT + _BELOW - 2)
        begin, end = (
            np.take_along_axis(self.times, k.reshape(len(k), -1), 1).reshape(first.shape)
            for k in (first, first + 1)
        )
        # Beyond the last, on the line through the last two.
        return first, np.minimum((times - begin) / np.where(end > begin, end - begin, 1.0), 4.0)


class _Step:
    """From the waits of a request to those of one that comes so many later."""

    def __init__(self, queues: _Queues, requests: Any) -> None:
        from scipy.special import gammaincc, gammaincinv

        share, weights = on_unit_interval(_GAPS)
        # Dense where requests follow close on one another.
        share, weights = share**2, 2 * share * weights
        number = np.broadcast_to(requests, queues.load.shape)[:, None]
        gaps = gammaincinv(number, share) / queues.load[:, None]
        self._served, longer = queues.served, queues.longer
        if np.any(number > 1):
            shape = number / np.clip(queues.scv, 1e-6, _MOST_VARIED)[:, None]
            pace = shape / number
            self._served = gammaincc(shape, queues.times * pace)
            apart = queues.times[:, :, None] - queues.times[:, None]
            longer = gammaincc(shape[..., None], np.maximum(apart, 0.0) * pace[..., None])
            longer = np.where(apart < 0, 1.0, longer)
        self._begun = np.diff(longer, axis=2)
        first, self._part = queues.place(queues.times[..., None] + gaps[:, None])
        self._queue = np.arange(len(first))[:, None, None]
        self._first = first
        self._weights = (weights[:, None] * _WEIGHTS).ravel()

    def __call__(self, scores: Any) -> Any:
        """Return the scores of the later waits."""
        from scipy.special import ndtr, ndtri

        late = ndtr(scores)
        late = self._begun @ ((late[:, 1:] + late[:, :-1]) / 2) + self._served[..., None]
        response = _score(late)
        near, far = (response[self._queue, k] for k in (self._first, self._first + 1))
        given = near + self._part[..., None] * (far - near)  # Of queues, times, gaps, factors.
        given = given.reshape(*scores.shape[:2], -1)
        order = np.argsort(-given, axis=-1)
        given = np.take_along_axis(given, order, axis=-1)
        weights = self._weights[order]
        above = np.cumsum(weights, axis=-1) - weights / 2
        # Where the greatest are as many as beyond each value of the factor.
        rows = 2.0 * np.arange(above[..., 0].size).reshape(*above.shape[:2], 1)
        beyond = ndtr(-FACTOR[::-1])
        at = np.searchsorted((above + rows).ravel(), (beyond + rows).ravel())
        at = at.reshape(*rows.shape[:2], -1) - above.shape[-1] * (rows / 2).astype(int)
        at = np.clip(at, 1, above.shape[-1] - 1)
        (y0, x0), (y1, x1) = (
            (np.take_along_axis(given, k, -1), -ndtri(np.take_along_axis(above, k, -1)))
            for k in (at - 1, at)
        )
        part = np.clip((x0 - FACTOR[::-1]) / np.where(x0 > x1, x0 - x1, 1.0), -1.0, 2.0)
        return _straight_at_the_ends((y0 + part * (y1 - y0))[..., ::-1])


def _straight_at_the_ends(scores: Any) -> Any:
    """Return scores that are on straight lines where the last of the factor decide."""
    far, steps = _ENDS, np.arange(1, _ENDS + 1)
    up = scores[..., -far - 1] - scores[..., -far - 3]
    scores[..., -far:] = scores[..., -far - 1, None] + up[..., None] / 2 * steps
    down = scores[..., far] - scores[..., far + 2]
    scores[..., :far] = scores[..., far, None] + down[..., None] / 2 * steps[::-1]
    return scores
