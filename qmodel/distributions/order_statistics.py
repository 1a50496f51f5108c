r"""Times in parallel of which some are enough: the k-th shortest of n.

For independent times with one distribution [1]_,

.. math:: P(X_{(k)} \le t) = I_{F(t)}(k, n - k + 1),

the regularised incomplete beta function; of its complement the tail is taken, so that small
tails keep their digits. For different distributions the number done at t is a sum of
independent indicators, whose distribution is built up one time after the other
(Poisson-binomial).

References
----------
.. [1] H. A. David, H. N. Nagaraja, "Order Statistics", 3rd ed., Wiley, 2003, sec. 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._fields import parameter
from qmodel._typing import Count, Value
from qmodel.distributions.base import Distribution
from qmodel.distributions.extremes import Extreme, OfSeveral, least_of
from qmodel.errors import DomainError

__all__ = ["OrderStatistic", "Quorum", "one_missing", "too_few"]

_MANY = 100


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OrderStatistic(Extreme):
    """The distribution of the k-th shortest of n independent times with one distribution.

    Parameters
    ----------
    distribution : Distribution
        Distribution of each time. [-]
    need : number or array
        How many must be done, k, from 1 to n. [-]
    of : int or integer array
        How many there are, n. [-]

    Raises
    ------
    DomainError
        If a number is not whole, or `need` is more than `of`.

    Examples
    --------
    The slowest of 100 leaves, each of which is slower than 10 ms once in a hundred:

    >>> from qmodel.distributions import Exponential
    >>> leaf = Exponential(0.010 / 4.60517)
    >>> float(leaf.tail(0.010)), float(OrderStatistic(leaf, 100, of=100).tail(0.010))
    (0.01, 0.634)

    Any two of three copies:

    >>> float(OrderStatistic(Exponential(0.012), 2, of=3).mean)
    0.01
    """

    distribution: Distribution
    need: Count = parameter("how many must end", symbol="k", check=_check.count)
    of: Count = parameter("how many begin", symbol="n", check=_check.count)

    def __post_init__(self) -> None:
        _enough(self.need, self.of)

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """The time of one."""
        return (self.distribution,)

    def _of(self, times: Sequence[Distribution]) -> Extreme:
        return replace(self, distribution=times[0])

    def _scale(self, means: list[Any]) -> Any:
        return means[0] + 0.0 * np.asarray(self.need) * self.of

    def _summed(self) -> Sequence[tuple[Any, Distribution]]:
        # The mean of the longest of very many is small beside the sum of theirs.
        all_ = np.all(np.equal(self.need, self.of)) and np.all(np.less(self.of, _MANY))
        return [(self.of, self.distribution)] if all_ else []

    def _least(self) -> Any:
        return least_of(self.distribution) + 0.0 * np.asarray(self.need) * self.of

    def _not_done(self, late: Any) -> Any:
        """Return the probability that too few are done, where one is late with `late`."""
        from scipy.special import betainc

        late = np.clip(late, 0.0, 1.0)
        return betainc(np.asarray(self.of) - self.need + 1.0, np.asarray(self.need) + 0.0, late)

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return 1 - self._not_done(1 - np.asarray(self.distribution.atom))

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self._not_done(self.distribution.defect)

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], without loss of small tails."""
        return self._not_done(self.distribution.tail(t))

    def guess(self, p: Any, least: Any) -> tuple[Any, Any]:
        """Return the first guess of one time at the share that it must reach, and no bound."""
        from scipy.special import betaincinv

        k, n = np.asarray(self.need), np.asarray(self.of)
        share = np.clip(betaincinv(k, n - k + 1.0, p), 1e-12, 1 - 1e-12)
        return np.maximum(self.distribution.guess(share, least + 0 * p)[0], least), np.inf

    def density(self, t: Value) -> Value:
        """Return the density at `t` [s]."""
        return self.tail_and_density(t)[1]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s], from one look at the time."""
        from scipy.special import betaln, xlogy

        late, slope = self.distribution.tail_and_density(t)
        late = np.clip(late, 0.0, 1.0)
        k, n = np.asarray(self.need, dtype=float), np.asarray(self.of, dtype=float)
        weight = xlogy(k - 1, 1 - late) + xlogy(n - k, late) - betaln(k, n - k + 1)
        return self._not_done(late), np.exp(weight) * slope


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Quorum(OfSeveral):
    """The distribution of the time until k of several independent times have passed.

    Parameters
    ----------
    distributions : sequence of Distribution
        The times. [-]
    need : int
        How many must be done, from 1 to their number. [-]

    Raises
    ------
    DomainError
        If `need` is not a whole number, or more than there are.
    ModelError
        If there is no distribution, or one is not a distribution.

    Examples
    --------
    >>> from qmodel.distributions import Exponential
    >>> near, far = Exponential(0.001), Exponential(0.050)
    >>> float(Quorum([near, near, far], need=2).mean)
    0.0015
    """

    need: int = parameter("how many must end", symbol="k", check=_check.one_count)

    def __post_init__(self) -> None:
        OfSeveral.__post_init__(self)
        _enough(self.need, len(self.distributions))

    def _scale(self, means: list[Any]) -> Any:
        return np.sort(np.stack(np.broadcast_arrays(*means)), axis=0)[self.need - 1]

    def _least(self) -> Any:
        shifts = np.broadcast_arrays(
            *(least_of(distribution) for distribution in self.distributions)
        )
        return np.sort(np.stack(shifts), axis=0)[self.need - 1]

    def _not_done(self, late: Sequence[Any]) -> Any:
        """Return the probability that too few are done, where each is late with its own."""
        return too_few(late, self.need)

    @property
    def atom(self) -> Value:
        """Probability of the value 0. [-]."""
        return 1 - self._not_done(
            [1 - np.asarray(distribution.atom) for distribution in self.distributions]
        )

    @property
    def defect(self) -> Value:
        """Probability of no end. [-]."""
        return self._not_done(
            [np.asarray(distribution.defect) for distribution in self.distributions]
        )

    def tail(self, t: Value) -> Value:
        """Return P(X > t) at `t` [s], a sum of positive terms."""
        return self._not_done(self._each(lambda time: np.minimum(time.tail(t), 1.0)))

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return tail and density at `t` [s], from one look at each time."""
        tails, densities = zip(*self._each(lambda time: time.tail_and_density(t)), strict=True)
        late = [np.minimum(tail, 1.0) for tail in tails]
        turns = (
            slope * one_missing(late[:i] + late[i + 1 :], self.need)
            for i, slope in enumerate(densities)
        )
        return self._not_done(late), reduce(np.add, turns)


def too_few(late: Sequence[Any], need: int) -> Any:
    """Return the probability that fewer than `need` are done, each late with its own."""
    # P(j done) for j < need; what is above needs no number.
    few = [np.ones(np.broadcast_shapes(*map(np.shape, late)))]
    for still in late:
        more = [*few, np.zeros_like(few[0])][:need]
        few = [p * still + (few[j - 1] * (1 - still) if j else 0.0) for j, p in enumerate(more)]
    return sum(few)


def one_missing(late: Sequence[Any], need: int) -> Any:
    """Return the probability that just `need` - 1 are done."""
    if not late:
        return 1.0
    return too_few(late, need) - (too_few(late, need - 1) if need > 1 else 0.0)


def _enough(need: Any, of: Any) -> None:
    short = np.asarray(need) > np.asarray(of)
    if np.any(short):
        need, of = (np.broadcast_to(x, short.shape)[short].flat[0] for x in (need, of))
        raise DomainError(f"need must be at most {of:g}, the number there are, got {need:g}")
