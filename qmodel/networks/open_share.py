r"""What open streams leave of a station to closed classes, and what they find there.

With an open load a at c servers and n closed requests present, the weights of n are

.. math::

    f(n) = \sum_m \binom{n + m}{m} \frac{a^m}{\prod_{i \le n + m} \min(i, c)} ,

which from n = c on is :math:`\frac{c^c}{c!} c^{-n} (1 - \rho)^{-(n + 1)}`, the sum below c
being finite and its rest an incomplete beta function. All terms are positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["OpenShare", "open_share"]


@dataclass(frozen=True, slots=True, eq=False)
class OpenShare:
    """A station under an open load, in cells.

    Parameters
    ----------
    head : array of shape (m, n)
        Coefficients of the generating function over 1 - y / speed. [-]
    speed : array of shape (n,)
        Speed left to many closed requests. [-]
    first : array of shape (n,)
        Speed left to one alone. [-]
    load : array of shape (n,)
        Open load over the servers. [-]
    few : array of shape (m, n)
        Mean number of open requests with 0, 1, ... closed ones, less that with many
        servers' worth. [-]
    overload : array of shape (n,)
        Whether the open load alone is too much. [-]
    """

    head: Any
    speed: Any
    first: Any
    load: Any
    few: Any
    overload: Any

    @staticmethod
    def of_speeds(speeds: Any) -> OpenShare:
        """Return a station with speeds by number, which do not fall, and no open load."""
        f = np.concatenate([np.ones_like(speeds[:1]), 1 / np.cumprod(speeds[:-1], axis=0)])
        before = np.concatenate([np.zeros_like(speeds[:1]), speeds[:-1]])
        none = np.zeros(speeds.shape[1])
        return OpenShare(
            f * (1 - before / speeds[-1]), speeds[-1], speeds[0], none, 0 * f, none > 0
        )

    def number(self, closed: Any, distribution: Any) -> Any:
        """Return the mean number of open requests; inf in overload.

        Parameters
        ----------
        closed : array of shape (n,)
            Mean number of closed requests there. [-]
        distribution : array of shape (m, n) or None
            Probabilities of 0, 1, ... closed requests; by default nobody is there. [-]

        Returns
        -------
        array of shape (n,)
            Mean number. [-]
        """
        found = self.load / (1 - self.load) * (closed + 1)
        if distribution is None and len(self.few) > 1:
            found = found + self.few[0]
        elif distribution is not None:
            found = found + (distribution * self.few).sum(axis=0)
        return np.where(self.overload, np.inf, found)


def open_share(load: Any, servers: Any) -> OpenShare:
    """Return what an open load leaves of equal servers.

    Parameters
    ----------
    load : array of shape (n,)
        Open load. [erlang]
    servers : array of shape (n,)
        Servers. [-]

    Returns
    -------
    OpenShare
        The station as closed requests see it. [-]
    """
    from scipy.special import betainc, gammaln

    overload = load >= servers
    a = np.where(overload, 0.0, load)
    c, rho = servers, a / servers
    most = int(np.max(c))
    if most == 1:
        speed = 1 - rho
        one, none = np.ones((1, len(a))), np.zeros((1, len(a)))
        return OpenShare(one, speed, speed, rho, none, overload)
    weights, open_ = np.zeros((most + 1, len(a))), np.zeros((most + 1, len(a)))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_a = np.log(np.maximum(a, 1e-300))
        for n in range(most + 1):
            for m in range(most - n):
                log = gammaln(n + m + 1.0) - gammaln(m + 1.0) - gammaln(n + 1.0)
                term = np.exp(log + m * log_a - gammaln(n + m + 1.0))
                term = np.where((n + m < c) & ((a > 0) | (m == 0)), term, 0.0)
                weights[n] += term
                open_[n] += m * term
            gap = np.maximum(c - n, 0.0)
            scale = np.exp((c - n) * np.log(c) - gammaln(c + 1) - (n + 1) * np.log1p(-rho))
            weights[n] += scale * np.where(
                gap > 0, betainc(np.maximum(gap, 1), n + 1.0, rho), 1.0
            )
            less = np.maximum(gap - 1, 0.0)
            beyond = np.where(less > 0, betainc(np.maximum(less, 1), n + 2.0, rho), 1.0)
            open_[n] += scale * (n + 1) * rho / (1 - rho) * beyond
    speed = c * (1 - rho)
    head = weights[:-1].copy()
    head[1:] -= weights[:-2] / speed
    column = np.arange(most)[:, None]
    head = np.where(column < c, np.maximum(head, 0.0), 0.0) / weights[0]
    few = open_[:-1] / weights[:-1] - (column + 1) * rho / (1 - rho)
    first = weights[0] / weights[1]
    return OpenShare(head, speed, first, rho, np.where(column < c, few, 0.0), overload)
