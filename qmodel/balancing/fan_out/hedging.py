r"""Hedged requests: a second copy where the first takes long; the first answer counts.

With the tail :math:`\bar F` of one copy and a delay d, for independent copies [1]_,

.. math::

    P(T > t) = \bar F(t)\, \bar F(t - d), \qquad
    P(\text{copy}) = \bar F(d) .

What the copies add to the work depends on whether the one that lost is called back: if not,
:math:`\bar F(d)` of a request; if so, the time in which both run,
:math:`\int_0^\infty \bar F(u) \bar F(u + d)\, du`. Cloning at once (d = 0) with recall adds
nothing for exponential times, costs for more regular ones and *saves* for more variable
ones: the clone is then likely a short cut. All exact for independent copies; where both are
slow for one cause, hedging helps less. `qmodel.hedge` feeds the added load back.

References
----------
.. [1] J. Dean, L. A. Barroso, "The tail at scale", Communications of the ACM 56, 2013.
"""

from __future__ import annotations

from qmodel import _check
from qmodel._typing import Value
from qmodel.distributions import Deterministic, Distribution, Minimum, Shifted

__all__ = ["added_work", "copied_share", "response_distribution"]


def response_distribution(distribution: Distribution, delay: Value) -> Distribution:
    """Distribution of the time to the first answer.

    Parameters
    ----------
    distribution : Distribution
        Distribution of the time of one copy. [-]
    delay : number or array
        Time after which the second copy is sent, >= 0. [s]

    Returns
    -------
    Distribution
        The distribution. [-]

    Raises
    ------
    DomainError
        If `delay` is negative or infinite.
    ModelError
        If `distribution` is not a distribution.

    Examples
    --------
    >>> import qmodel as qm
    >>> times = qm.HyperExponential([0.99, 0.01], [0.005, 0.5])
    >>> for distribution in (times, response_distribution(times, 0.02)):
    ...     print(distribution.quantile([0.5, 0.99, 0.999]).round(4))
    [0.0035 0.0363 1.1513]
    [0.0035 0.0233 0.0324]
    """
    _check.instance("distribution", distribution, Distribution)
    return Minimum((distribution, Shifted(distribution, _check.finite("delay", delay))))


def copied_share(distribution: Distribution, delay: Value) -> Value:
    """Share of the requests of which a second copy is sent.

    Parameters
    ----------
    distribution : Distribution
        Distribution of the time of one copy. [-]
    delay : number or array
        Time after which the second copy is sent, >= 0. [s]

    Returns
    -------
    number or array
        The share, of the broadcast shape. [-]

    Raises
    ------
    DomainError
        If `delay` is negative or infinite.
    ModelError
        If `distribution` is not a distribution.

    Examples
    --------
    A copy after the 95th percentile is sent of 5 % of the requests:

    >>> from qmodel.distributions import Exponential
    >>> distribution = Exponential(0.01)
    >>> float(copied_share(distribution, distribution.quantile(0.95)))
    0.05
    """
    _check.instance("distribution", distribution, Distribution)
    return distribution.tail(_check.finite("delay", delay))


def added_work(distribution: Distribution, delay: Value, *, recalled: bool = True) -> Value:
    """Mean time that copies add to the work of one request; negative where they save some.

    Parameters
    ----------
    distribution : Distribution
        Distribution of the time that one copy keeps a server busy. [-]
    delay : number or array
        Time after which the second copy is sent, >= 0. [s]
    recalled : bool, default True
        Whether the copy that lost is stopped when the other one has answered. [-]

    Returns
    -------
    number or array
        The added work, of the broadcast shape. [s]

    Raises
    ------
    DomainError
        If `delay` is negative or infinite.
    ModelError
        If `distribution` is not a distribution.

    Examples
    --------
    Cloning at once adds nothing to exponential work if the slower clone is recalled:

    >>> from qmodel.distributions import Exponential
    >>> round(float(added_work(Exponential(0.01), 0.0)), 12) + 0.0
    0.0
    >>> float(added_work(Exponential(0.01), 0.0, recalled=False))
    0.01
    """
    if not recalled:
        return copied_share(distribution, delay) * distribution.mean
    # One runs until the first answer, the other from the delay until then.
    answered = response_distribution(distribution, delay).mean
    before = Minimum((distribution, Deterministic(delay))).mean
    return 2 * answered - before - distribution.mean
