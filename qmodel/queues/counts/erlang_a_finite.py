r"""M/M/c/K+M as a chain: a birth-death chain, with the fate of a request by its age.

A request that finds k others in queue would wait V with :math:`e^{-\theta V}` of the beta
distribution :math:`(c \mu / \theta, k + 1)`; incomplete beta functions give the rest. The cost
is that of K terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel.numerics import erlang
from qmodel.queues.birth_death import state_probabilities

__all__: list[str] = []


def states(a: Any, c: Any, patience: Any, capacity: Any) -> np.ndarray:
    """Return the distribution of the number, states first; 0 beyond the capacity of a cell."""
    most = int(np.max(capacity))
    shape = np.broadcast_shapes(*(np.shape(v) for v in (a, c, patience, capacity)))
    n = np.arange(most).reshape(-1, *[1] * len(shape))
    up = np.where(n < capacity, a, 0.0 * np.asarray(a))
    down = np.minimum(n + 1, c) + np.maximum(n + 1 - c, 0) / patience
    return state_probabilities(np.broadcast_to(up, (most, *shape)), down)


@dataclass(frozen=True, slots=True, eq=False)
class FiniteChain:
    """What the accepted requests of M/M/c/K+M see, with times in service times."""

    a: Any
    c: Any
    patience: Any
    at_once: Any
    ahead: tuple[Any, ...]

    @property
    def x(self) -> Any:
        """Rate of all servers over the rate of impatience."""
        return self.c * self.patience

    def _none(self, u: Any) -> Any:
        """Return zero in all cells, also where nobody ever waits; NaN where unknown."""
        return 0.0 * (u + self.at_once)

    def served(self) -> Any:
        """Return the share of the accepted that are served."""
        x = self.x
        return self.at_once + sum(q * x / (x + k + 1) for k, q in enumerate(self.ahead))

    def abandonment(self) -> Any:
        """Return the share of the accepted that give up."""
        x = self.x
        return sum(
            (q * (k + 1) / (x + k + 1) for k, q in enumerate(self.ahead)), 0.0 * self.at_once
        )

    def offered(self, u: Any) -> Any:
        """Return P(V > u), V being what a request of endless patience would wait."""
        z, beta = np.exp(-u / self.patience), erlang.special().betainc
        terms = (q * beta(self.x, k + 1, z) for k, q in enumerate(self.ahead))
        return sum(terms, self._none(u))

    def served_later(self, u: Any) -> Any:
        """Return P(served, W > u)."""
        x, z, beta = self.x, np.exp(-u / self.patience), erlang.special().betainc
        terms = (q * x / (x + k + 1) * beta(x + 1, k + 1, z) for k, q in enumerate(self.ahead))
        return sum(terms, self._none(u))

    def called(self, u: Any) -> Any:
        """Return the rate at which requests go from queue to service at the age `u`."""
        z, rest = np.exp(-u / self.patience), -np.expm1(-u / self.patience)
        with np.errstate(all="ignore"):
            # Of the beta density: x binom(x + k, k) z^x (1 - z)^k.
            term, total = self.x * z**self.x * z, self._none(u)
            for k, q in enumerate(self.ahead):
                total = total + q * term
                term = term * rest * (self.x + k + 1) / (k + 1)
        return total / self.patience

    def in_service(self, u: Any) -> Any:
        """Return the probability of being in service at the age `u`."""
        special, x = erlang.special(), self.x
        z, q = np.exp(-u / self.patience), (self.c - 1) * self.patience + 1
        total = self.at_once * np.exp(-u)
        for k, found in enumerate(self.ahead):
            ratio = np.exp(special.betaln(q, k + 1) - special.betaln(x, k + 1) - u)
            total = total + found * ratio * special.betaincc(q, k + 1, z)
        return total
