r"""The stampede: without coalescing, every request in the window of a fetch fetches too.

From a miss until the first answer comes in, a time V, each request for the object starts a
fetch of its own. One expiry of a hot object so costs :math:`1 + \lambda E[V]` fetches
where a shared fetch (`qmodel.caches.fetching.delayed_hits`) costs one. A request that comes u
after the miss has its answer by t with probability :math:`P(Z \le t - u)`, so

.. math::

    P(V > t) = P(Z > t) \exp\Bigl(-\lambda \int_0^t P(Z \le u)\,du\Bigr), \qquad
    \text{requests a cycle} = 1 + \lambda (E[V] + T) .

V is Z for constant fetches and shorter for others, since the fastest of many fetches ends
it. Exact for Poisson requests to one object; the first answer starts the lifetime T, later
ones do not renew it.

**Numerics.** E[V] by Gauss-Legendre panels in units of E[Z], at nodes that serve all
objects: 1e-9 relative for smooth distributions and for constants.

References
----------
.. [1] R. Nishtala et al., "Scaling Memcache at Facebook", USENIX NSDI, 2013, sec. 3.2.1
   (thundering herds, and leases against them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import parameter
from qmodel._typing import Value
from qmodel.caches.fetching.base import Fetching, Outcome
from qmodel.distributions import Deterministic, Distribution
from qmodel.distributions.algebra import measure
from qmodel.distributions.residual import residual

__all__ = ["UnsharedTTL", "stampede_size"]

_EDGES = np.concatenate([[0.0], np.geomspace(1e-8, 1.0, 25), np.geomspace(1.0, 1e4, 21)[1:]])
_GAUSS = 8


@checked
def stampede_size(request_rate: Value, fetch: Distribution) -> Value:
    """Mean number of fetches that one expiry causes, without coalescing.

    Parameters
    ----------
    request_rate : number or array
        Requests for the object, Poisson, >= 0. [1/s]
    fetch : Distribution
        Distribution of the time that a fetch takes. [-]

    Returns
    -------
    number or array
        The number, at least 1. [-]

    Raises
    ------
    DomainError
        If `request_rate` is negative.

    Examples
    --------
    >>> import qmodel as qm
    >>> [float(stampede_size(100.0, z)) for z in (qm.Deterministic(0.3), qm.Exponential(0.3))]
    [31.0, 7.2]
    """
    rate = np.asarray(_check.nonnegative("request_rate", request_rate), dtype=float)
    return (1 + rate * _window(rate, _panels(fetch), _cells(fetch)))[()]


class _Panels(NamedTuple):
    """The distribution of a fetch at the nodes, with its cells along the second axis."""

    tail: Any
    """P(Z > t)."""

    past: Any
    """Integral of P(Z <= u) from 0 to t."""

    weights: Any

    mean: Any


def _panels(fetch: Distribution) -> _Panels:
    x, w = np.polynomial.legendre.leggauss(_GAUSS)
    half = np.diff(_EDGES)[:, None] / 2
    nodes = ((_EDGES[:-1, None] + half) + half * x).ravel()
    mean = np.asarray(fetch.mean, dtype=float)
    t = nodes.reshape(-1, *[1] * mean.ndim) * mean
    past = np.maximum(t - mean * (1 - residual(fetch).tail(t)), 0.0)
    rows = (nodes.size, mean.size)
    weights = np.outer((half * w).ravel(), mean)
    return _Panels(np.reshape(fetch.tail(t), rows), past.reshape(rows), weights, mean.ravel())


def _cells(fetch: Distribution) -> Any:
    """Return the number of each cell of a distribution."""
    return np.arange(np.size(fetch.mean)).reshape(np.shape(fetch.mean))


def _window(rate: Any, distribution: _Panels, cell: Any) -> Any:
    """Return E[V] under a request rate, for a cell of the distribution."""
    saved: Any = 0.0
    with np.errstate(under="ignore"):
        for tail, past, weight in zip(
            distribution.tail, distribution.past, distribution.weights, strict=True
        ):
            saved = saved - weight[cell] * tail[cell] * np.expm1(-rate * past[cell])
    # E[Z] less what the others save, so that rare requests have all digits of E[Z].
    return distribution.mean[cell] - saved


@dataclass(frozen=True, slots=True, eq=False)
class UnsharedTTL(Fetching):
    """Cache whose objects expire, where each request without an answer fetches.

    Parameters
    ----------
    ttl : number or array
        How long an object lives after it came in, > 0. [s]
    fetch : Distribution
        Distribution of the time that a fetch takes. [-]

    Raises
    ------
    DomainError
        If `ttl` is not > 0.
    ModelError
        If `fetch` is no distribution.

    Examples
    --------
    What the lack of a lock costs the origin:

    >>> import qmodel as qm
    >>> from qmodel.caches.fetching.delayed_hits import FetchedTTL
    >>> keys, fetch = qm.caches.Zipf(10**4, 1.0), qm.Deterministic(0.3)
    >>> float(UnsharedTTL(60.0, fetch).solve(keys, 2000.0).fetch_rate)
    130.8
    >>> float(FetchedTTL(60.0, fetch).solve(keys, 2000.0).fetch_rate)
    121.4
    """

    ttl: Value = parameter("time to live", unit="s", symbol="T", check="positive")
    fetch: Distribution  # type: ignore[misc]  # `parameter` is no default

    @property
    def _parameters(self) -> tuple[Any, ...]:
        return self.ttl, _cells(self.fetch)

    def _outcome(self, request_rate: Any, *parameters: Any) -> Outcome:
        ttl, cell = parameters
        window = _window(np.asarray(request_rate), _panels(self.fetch), cell)
        late = 1 + request_rate * window
        with np.errstate(invalid="ignore", over="ignore"):
            asked = np.where(request_rate > 0, request_rate * ttl, 0.0 * request_rate)
            missed = late / (late + asked)
            hit = np.where(np.isinf(asked), 1.0, asked / (late + asked))
        return Outcome(hit, missed, 0.0, 0.0, missed)

    def _waits(self, total: Outcome) -> tuple[Value, Distribution]:
        """Return mean and distribution of the added time: each waits for its own fetch."""
        shares = (total.hit, total.missed)
        distribution = measure(shares, (Deterministic(0.0), self.fetch))
        return total.missed * self.fetch.mean, distribution
