r"""Bounds of throughput and response that need no solution of the network.

With N users, think time Z, demands :math:`D_k` of K single servers, their sum D and greatest
:math:`D_{max}`, the asymptotic bounds (ABA) are

.. math::

    \frac{N}{N D + Z} \le X \le \min\left(\frac{1}{D_{max}}, \frac{N}{D + Z}\right) ,

those of balanced systems (BJB) compare with K' equal stations,

.. math::

    \frac{N}{D + Z + (N - 1) D_{max} / (1 + Z / (N D))} \le X \le
    \min\left(\frac{1}{D_{max}}, \frac{N}{D + Z + (N - 1) \bar D / (1 + Z / D)}\right) ,
    \qquad \bar D = D / K ,

and `geometric` and `proportional` ones, which state theirs, are tighter by an order of
magnitude. The response follows as :math:`N / X - Z`. Of several classes, `of_classes` has the
same and the composite ones.

**Assumptions.** Product form, single servers and delays; stations of c servers enter the
asymptotic bounds as :math:`D_k / c_k` in :math:`D_{max}`.
**Shapes.** All arguments broadcast; demands are a sequence of numbers or arrays.

References
----------
.. [1] P. J. Denning, J. P. Buzen, "The operational analysis of queueing network models", ACM
   Computing Surveys 10, 1978.
.. [2] J. Zahorjan, K. C. Sevcik, D. L. Eager, B. Galler, "Balanced job bound analysis of
   queueing networks", Communications of the ACM 25, 1982.
.. [3] G. Casale, R. R. Muntz, G. Serazzi, "Geometric bounds: a noniterative analysis technique
   for closed queueing networks", IEEE Transactions on Computers 57, 2008.
.. [4] T. Kerola, "The composite bound method for computing throughput bounds in multiple class
   environments", Performance Evaluation 6, 1986.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Count, Value
from qmodel._xp import namespace
from qmodel.errors import DomainError, ModelError

__all__ = [
    "Bounds",
    "asymptotic",
    "balanced",
    "geometric",
    "of_classes",
    "open_response",
    "proportional",
]


class Bounds(NamedTuple):
    """What a quantity lies between."""

    lower: Value
    upper: Value


def _parts(demands: Sequence[Value], users: Value, think_time: Value) -> tuple[Any, ...]:
    """Return checked demands, users, think time, and sum and greatest of the demands."""
    given = tuple(_check.nonnegative("demands", d) for d in _check.several("demands", demands))
    xp = namespace(*given, users, think_time)
    total: Any = 0
    greatest: Any = 0
    for d in given:
        total, greatest = total + d, xp.maximum(greatest, d)
    n = _check.positive("users", users)
    return given, n, _check.finite("think_time", think_time), total, greatest


@checked
def asymptotic(
    demands: Sequence[Value],
    users: Value,
    think_time: Value = 0.0,
    *,
    servers: Sequence[Count] | None = None,
) -> Bounds:
    """Asymptotic bounds of the throughput (ABA).

    Parameters
    ----------
    demands : sequence of numbers or arrays
        Mean service time of a request at each station, all visits together, >= 0. [s]
    users : number or array
        Number of users, > 0; a real number is allowed. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request of a user, >= 0. [s]
    servers : sequence of numbers or arrays, optional
        Servers of each station; by default one. [-]

    Returns
    -------
    Bounds
        Of the throughput. [1/s]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    >>> [round(float(x), 4) for x in asymptotic([9.2, 8.0], users=20, think_time=120.0)]
    [0.0431, 0.1087]
    """
    given, n, z, total, greatest = _parts(demands, users, think_time)
    xp = namespace(total, n, z)
    if servers is not None:
        greatest = 0
        several = _check.several("servers", servers)
        if len(several) != len(given):
            raise DomainError(
                f"servers must be as many as demands, got {_check.short(servers)}"
            )
        for d, c in zip(given, several, strict=True):
            greatest = xp.maximum(greatest, d / _check.positive("servers", c))
    with xp.errstate(divide="ignore"):
        upper = xp.minimum(1 / xp.asarray(greatest), n / (total + z))
    return Bounds(n / (n * total + z), upper)


@checked
def balanced(demands: Sequence[Value], users: Value, think_time: Value = 0.0) -> Bounds:
    """Balanced job bounds of the throughput (BJB).

    Parameters
    ----------
    demands : sequence of numbers or arrays
        Mean service time of a request at each single server, all visits together, >= 0. [s]
    users : number or array
        Number of users, > 0; a real number is allowed. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request of a user, >= 0. [s]

    Returns
    -------
    Bounds
        Of the throughput. [1/s]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    >>> both = balanced([1.0, 1.6, 2.4, 0.5], users=10, think_time=10.0)
    >>> float(both.lower), float(both.upper)
    (0.2961, 0.4167)
    """
    given, n, z, total, greatest = _parts(demands, users, think_time)
    mean = total / len(given)
    low = n / (total + z + (n - 1) * greatest / (1 + z / (n * total)))
    high = n / (total + z + (n - 1) * mean / (1 + z / total))
    xp = namespace(total, n, z)
    return Bounds(low, xp.minimum(1 / xp.asarray(greatest), high))


@checked
def proportional(demands: Sequence[Value], users: Value, think_time: Value = 0.0) -> Bounds:
    r"""Proportional bounds of the throughput (PB), which do not iterate.

    They take the number at a station as proportional to a power of its demand,

    .. math::

        \frac{N}{Z + D + (N - 1) \sum_k D_k^N / \sum_k D_k^{N-1}} \le X \le
        \min\left(\frac{1}{D_{max}}, \frac{N}{Z + D + m \sum_k D_k^2 / D}\right) ,

    where m is the greater of :math:`(N - 1) / (1 + Z / D)` and :math:`N - 1 - Z / D_{max}`.

    Parameters
    ----------
    demands : sequence of numbers or arrays
        Mean service time of a request at each single server, all visits together, >= 0. [s]
    users : number or array
        Number of users, > 0; a real number is allowed. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request of a user, >= 0. [s]

    Returns
    -------
    Bounds
        Of the throughput. [1/s]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    >>> both = proportional([0.1, 0.1, 0.09, 0.08], users=10)
    >>> float(both.lower), float(both.upper)
    (8.0219, 8.27)
    """
    given, n, z, total, greatest = _parts(demands, users, think_time)
    xp = namespace(total, n, z)
    powers = [(d / greatest) ** (n - 1) for d in given]
    most = sum(d * p for d, p in zip(given, powers, strict=True)) / sum(powers)
    pairs = sum(d**2 for d in given) / total
    few, many = (n - 1) / (1 + z / total), n - 1 - z / greatest
    upper = n / (z + total + pairs * xp.maximum(few, many))
    upper = xp.minimum(upper, 1 / xp.asarray(greatest))
    return Bounds(n / (z + total + (n - 1) * most), upper)


@checked
def geometric(demands: Sequence[Value], users: Value, think_time: Value = 0.0) -> Bounds:
    r"""Geometric bounds of the throughput (GB; with think time, GSB).

    With :math:`q_k = (y_k - y_k^N) / (1 - y_k)` for all stations below the greatest demand,

    .. math::

        b = Z + D + (N - 1) D_{max} - \sum_k (D_{max} - D_k) q_k, \qquad
        X = \frac{2 N}{b + \sqrt{b^2 - 4 Z D_{max} m}} ,

    is the lower bound for :math:`m = N - 1`,
    :math:`y_k = D_k (N - 1) / (Z + D + D_{max} (N - 1))`, and the upper one for :math:`m = N`,
    :math:`y_k = D_k X^+`, with the proportional bound :math:`X^+` of one user less.

    Parameters
    ----------
    demands : sequence of numbers or arrays
        Mean service time of a request at each single server, all visits together, >= 0. [s]
    users : number or array
        Number of users, > 0; a real number is allowed. [-]
    think_time : number or array, default 0
        Mean time between an answer and the next request of a user, >= 0. [s]

    Returns
    -------
    Bounds
        Of the throughput. [1/s]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    >>> both = geometric([0.1, 0.1, 0.09, 0.08], users=10, think_time=1.0)
    >>> float(both.lower), float(both.upper)
    (5.7569, 6.141)
    """
    given, n, z, total, greatest = _parts(demands, users, think_time)
    xp = namespace(total, n, z)

    def bound(shares: list[Any], m: Any) -> Any:
        spared: Any = 0
        for d, y in zip(given, shares, strict=True):
            short = greatest - d
            free = xp.maximum(1 - y, 1e-300)
            spared = spared + xp.where(short > 0, short * (y - y**n) / free, 0.0)
        b = z + total + greatest * (n - 1) - spared
        return 2 * n / (b + xp.sqrt(xp.maximum(b**2 - 4 * z * greatest * m, 0.0)))

    few = [d * (n - 1) / (z + total + greatest * (n - 1)) for d in given]
    above = proportional(given, xp.maximum(n - 1, 1e-9), z).upper
    upper = bound([d * above for d in given], n)
    return Bounds(bound(few, n - 1), xp.minimum(upper, 1 / xp.asarray(greatest)))


@checked
def of_classes(
    demands: Mapping[str, Sequence[Value]],
    users: Mapping[str, Value],
    think_times: Mapping[str, Value] | None = None,
    *,
    kind: str = "composite",
) -> dict[str, Bounds]:
    r"""Bounds of the throughput of each of several classes.

    With N users in all, class c has at least

    .. math::

        X_c^- = \frac{N_c}{Z_c + \sum_j N_j D_j} \quad \text{(asymptotic)}, \qquad
        X_c^- = \frac{N_c}{Z_c + D_c + (N - 1) \max_k D_{ck}} \quad \text{(balanced)} ,

    and at most the least of :math:`1 / \max_k D_{ck}` and :math:`N_c / (Z_c + D_c)`; without
    think times also, balanced, of :math:`N_c / ((K + N - 1) \min_k D_{ck})`. The composite
    bounds leave each station what the balanced lower bounds of the others use of it:

    .. math:: X_c^+ = \min_k \frac{1 - \sum_{j \ne c} X_j^- D_{jk}}{D_{ck}} .

    Parameters
    ----------
    demands : mapping of str to sequence of numbers or arrays
        Mean service time of a request at each single server, by class, >= 0. [s]
    users : mapping of str to number or array
        Number of users by class, > 0; a real number is allowed. [-]
    think_times : mapping of str to number or array, optional
        Mean think time by class, >= 0; by default 0. [s]
    kind : {"asymptotic", "balanced", "composite"}, default "composite"
        Which bounds; composite ones are the tightest. [-]

    Returns
    -------
    dict of str to Bounds
        Of the throughput of each class. [1/s]

    Raises
    ------
    DomainError
        If an argument is outside its domain.
    ModelError
        If classes or stations differ.

    Examples
    --------
    >>> work = {"readers": [10.0, 7.0, 5.0, 4.0], "writers": [5.0, 2.0, 4.0, 6.0]}
    >>> found = of_classes(work, {"readers": 5, "writers": 10})
    >>> [[round(float(x), 4) for x in found[c]] for c in ("readers", "writers")]
    [[0.0301, 0.0505], [0.099, 0.1398]]
    """
    kinds = ("asymptotic", "balanced", "composite")
    if kind not in kinds:
        raise DomainError(f"kind must be one of {', '.join(kinds)}, got {kind!r}")
    demands, users = _check.mapping("demands", demands), _check.mapping("users", users)
    think = _check.mapping("think_times", think_times or dict.fromkeys(demands, 0.0))
    if not demands or set(demands) != set(users) or set(demands) != set(think):
        raise ModelError("demands, users and think_times must name the same classes")
    parts = {c: _parts(demands[c], users[c], think[c]) for c in demands}
    if len({len(given) for given, *_ in parts.values()}) > 1:
        raise ModelError("each class must have a demand at each station, 0 where it never is")
    everyone: Any = sum(n for _, n, *_ in parts.values())
    work: Any = sum(n * total for _, n, _, total, _ in parts.values())
    found: dict[str, Bounds] = {}
    for c, (given, n, z, total, greatest) in parts.items():
        xp = namespace(everyone, work, z, total)
        low = n / (z + total + (everyone - 1) * greatest)
        high = xp.minimum(xp.over(1, greatest, xp.inf), n / (total + z))
        if kind == "asymptotic":
            low = n / (z + work)
        elif kind == "balanced":
            least = given[0]
            for d in given[1:]:
                least = xp.minimum(least, d)
            all_wait = (len(given) + everyone - 1) * least
            balanced_ = xp.over(n, xp.where(z > 0, 0.0, all_wait), xp.inf)
            high = xp.minimum(high, balanced_)
        found[c] = Bounds(low, high)
    if kind != "composite":
        return found
    return {c: Bounds(b.lower, _left(c, b.upper, found, parts)) for c, b in found.items()}


def _left(c: str, upper: Any, found: dict[str, Bounds], parts: dict[str, Any]) -> Any:
    """Return the most that the lower bounds of the others leave to a class."""
    for k, demand in enumerate(parts[c][0]):
        others: Any = sum(found[j].lower * parts[j][0][k] for j in parts if j != c)
        xp = namespace(upper, demand, others)
        upper = xp.minimum(upper, xp.over(1 - others, demand, xp.inf))
    return upper


@checked
def open_response(demands: Sequence[Value], arrival_rate: Value) -> Bounds:
    """Bounds of the mean response of an open network of single servers.

    Parameters
    ----------
    demands : sequence of numbers or arrays
        Mean service time of a request at each single server, all visits together, >= 0. [s]
    arrival_rate : number or array
        Poisson arrivals, >= 0. [1/s]

    Returns
    -------
    Bounds
        Of the mean response; inf from where a station saturates. [s]

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Examples
    --------
    >>> both = open_response([1.0, 2.0, 3.0], arrival_rate=0.1)
    >>> float(both.lower), float(both.upper)
    (7.5, 8.5714)
    """
    given, rate, _, total, greatest = _parts(demands, 1.0, 0.0)
    rate = _check.nonnegative("arrival_rate", arrival_rate)
    xp = namespace(total, rate)
    mean = total / len(given)
    return Bounds(
        xp.over(total, 1 - rate * mean, xp.inf), xp.over(total, 1 - rate * greatest, xp.inf)
    )
