r"""The few phases of a time of mean 1 that two moments ask for [1]_.

Above an SCV of 1 they are two beside each other that carry equal work, taken with the
probabilities

.. math:: p = \frac12 \left(1 + \sqrt{\frac{c^2 - 1}{c^2 + 1}}\right), \qquad 1 - p ,

and left at the rates :math:`2 p` and :math:`2 (1 - p)`. Below it they are n in a row, of one
rate, the first of which is left out with the probability

.. math:: \frac{n c^2 - \sqrt{n (1 + c^2) - n^2 c^2}}{1 + c^2}, \qquad
    \frac1n \le c^2 \le \frac1{n - 1} .

References
----------
.. [1] H. C. Tijms, "Stochastic Models: An Algorithmic Approach", Wiley, 1994, appendix B.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["balanced", "balanced_share", "erlangs"]

_WHOLE = 1e-9
"""How near one over an SCV is to a whole number that counts as that."""


def balanced_share(scv: Any) -> Any:
    """Return the probability of the shorter of two phases that carry equal work.

    Examples
    --------
    >>> float(balanced_share(1.0)), float(balanced_share(4.0))
    (0.5, 0.8873)
    """
    return (1 + np.sqrt((scv - 1) / (scv + 1))) / 2


def balanced(scv: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two phases beside each other with SCVs of 1 and more.

    Examples
    --------
    >>> [part.round(4).tolist() for part in balanced(3.0)]
    [[0.8536, 0.1464], [[-1.7071, 0.0], [0.0, -0.2929]]]
    """
    often = balanced_share(scv)
    share = np.stack([often, 1 - often], axis=-1)
    return share, -2 * share[..., :, None] * np.eye(2) + 0.0


def erlangs(scv: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at most `most` phases in a row with an SCV of at least one over their number.

    Examples
    --------
    >>> [part.tolist() for part in erlangs(0.5, 8)]
    [[1.0, 0.0], [[-2.0, 2.0], [0.0, -2.0]]]
    """
    scv = max(scv, 1 / most)
    n = int(np.ceil(1 / scv - _WHOLE))
    fewer = (n * scv - np.sqrt(max(n * (1 + scv) - n**2 * scv, 0.0))) / (1 + scv)
    initial = np.eye(n)[0] * (1 - fewer) + (np.eye(n)[1] * fewer if n > 1 else 0.0)
    return initial, (n - fewer) * (np.eye(n, k=1) - np.eye(n))
