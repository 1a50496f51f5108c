r"""A time of two phases, the second of which follows the first with a probability.

With the means b and a of the phases and the probability q of the second (Cox 1955 [1]_),

.. math::

    E[e^{-sT}] = \frac{1}{1 + s b} \, \Bigl(1 - q + \frac{q}{1 + s a}\Bigr) .

Three moments :math:`r_k = E[T^k] / k!` say what they are: a and b are the roots of
:math:`x^2 - S x + Q` with

.. math::

    S = \frac{r_3 - r_1 r_2}{r_2 - r_1^2}, \qquad
    Q = \frac{r_1 r_3 - r_2^2}{r_2 - r_1^2} , \qquad q = \frac{r_1 - b}{a} .

References
----------
.. [1] D. R. Cox, "A use of complex probabilities in the theory of stochastic processes",
   Mathematical Proceedings of the Cambridge Philosophical Society 51, 1955.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import ZERO, Distribution, Exponential, Mixture, Sum

__all__ = ["coxian"]

_NEAR = 1e-7
"""How near to exponential a time is taken as that."""


def coxian(moments: Any, scale: Any = 1.0) -> Distribution:
    """Return the distribution of two phases with three moments, times a scale.

    Parameters
    ----------
    moments : array of shape (3, ...)
        E[T], E[T^2] / 2 and E[T^3] / 6, > 0. [-]
    scale : number or array, default 1
        Factor of all times; inf is no end, NaN is unknown. [-]

    Returns
    -------
    Distribution
        The distribution, exponential where the moments are nearly those. Where no two phases
        have them, the third moment is another. [-]

    Examples
    --------
    A wait of mean 1 s that is more regular than an exponential one:

    >>> wait = coxian([1.0, 0.95, 0.88])
    >>> float(wait.mean), round(float(wait.scv), 12)
    (1.0, 0.9)
    """
    first, second, third = (np.asarray(m, dtype=float) for m in moments)
    second, third = second / first**2, third / first**3
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = second - 1
        total, product = (third - second) / apart, (third - second**2) / apart
        square = total**2 - 4 * product
        root = np.sqrt(np.maximum(square, 0.0))
        long, short = (total + root) / 2, (total - root) / 2
        again = (1 - short) / long
    good = (abs(apart) > _NEAR) & (square >= -_NEAR) & (short >= 0)
    good &= (again >= 0) & (again <= 1)
    # Else two phases, both sure or the first of no time, as the second moment asks for.
    even = 0.5 + np.sqrt(np.clip(second - 0.75, 0.0, 0.25))
    long = np.where(good, long, np.where(second > 1, second, even))
    short = np.where(good, short, 1 - even)
    again = np.where(good, again, (1 - short) / long)
    sure = first * scale * np.maximum(short, 1e-12)
    rest = first * np.where(np.isfinite(scale), scale, 1.0) * long
    second_phase = Mixture(((1 - again)[()], again[()]), (ZERO, Exponential(rest[()])))
    return Sum((Exponential(sure[()]), second_phase))
