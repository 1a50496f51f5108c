r"""Several classes of users and of open streams at the same stations.

Closed classes have users who think, open ones an arrival rate. Open load :math:`\rho_k` takes
its share of a station, so that closed demands grow to :math:`D_{ck} / (1 - \rho_k)` at a single
server, and open requests find the closed ones,

.. math::

    R_{ok} = \frac{D_{ok} (1 + Q_k)}{1 - \rho_k} ;

with c servers the closed part sees speeds that depend on the number present,
:math:`1 / \alpha(n) = f(n) / f(n - 1)` with

.. math::

    f(n) = \sum_m \binom{n + m}{m} \frac{a^m}{\prod_{i \le n + m} \min(i, c)} .

**Exact** (`qmodel.networks.lattice`) while the lattice of populations has at most 50,000
points, by the Linearizer beyond (`qmodel.networks.linearizer`); or as asked for.
**Assumptions.** Stations with a product form. Where the order of service matters (FCFS with a
service by class, priorities in the order of the classes, weights), the Linearizer takes it in
as an approximation; `qmodel.networks.routed` solves small networks of this kind exactly.
**Shapes.** All numbers broadcast. **Overload** by open load is ``inf`` in its cell.

References
----------
.. [1] E. D. Lazowska, J. Zahorjan, G. S. Graham, K. C. Sevcik, "Quantitative System
   Performance", Prentice Hall, 1984, ch. 7.
.. [2] S. C. Bruell, G. Balbo, P. V. Afshari, "Mean value analysis of mixed, multiple class BCMP
   networks with load dependent service stations", Performance Evaluation 4, 1984.
"""

from __future__ import annotations

from collections.abc import Mapping

from qmodel.errors import DomainError, ModelError
from qmodel.networks.class_mix import Mix
from qmodel.networks.class_types import ClassesResult, ClosedClass, OpenClass
from qmodel.networks.product_form import mixed_node_of
from qmodel.queues.base import Station

__all__ = ["ClassesResult", "ClosedClass", "OpenClass", "solve"]

_METHODS = ("auto", "exact", "linearizer", "schweitzer")


def solve(
    stations: Mapping[str, Station],
    classes: Mapping[str, ClosedClass | OpenClass],
    *,
    method: str = "auto",
) -> ClassesResult:
    """Return the steady state of several classes, closed and open, at the same stations.

    Parameters
    ----------
    stations : mapping of str to Station
        The stations by name. [-]
    classes : mapping of str to ClosedClass or OpenClass
        The classes by name. [-]
    method : {"auto", "exact", "linearizer", "schweitzer"}, default "auto"
        How closed classes are solved; "auto" is exact where that is cheap. [-]

    Returns
    -------
    ClassesResult
        Throughput and mean response by class, and each station. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain, or nothing in a round takes any time.
    ModelError
        If a name is unknown, or a station has no product form.

    Examples
    --------
    Twenty operators and a stream of calls at one server:

    >>> import qmodel as qm
    >>> from qmodel.networks import classes
    >>> mix = {
    ...     "operators": classes.ClosedClass(visits={"db": 2}, users=20, think_time=10.0),
    ...     "calls": classes.OpenClass(visits={"db": 1}, arrival_rate=5.0),
    ... }
    >>> r = classes.solve({"db": qm.MMc(0.1)}, mix)
    >>> float(r.throughputs["operators"]), float(r.response_times["calls"])
    (1.8003, 0.5995)
    """
    if method not in _METHODS:
        raise DomainError(f"method must be one of {', '.join(_METHODS)}, got {method!r}")
    if not stations or not classes:
        raise ModelError("several classes need at least one station and one class")
    nodes = {name: mixed_node_of(name, station) for name, station in stations.items()}
    return Mix(nodes, dict(classes)).solved(method)
