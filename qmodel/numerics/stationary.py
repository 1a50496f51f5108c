"""The probabilities of the states of Markov chains, without subtraction.

States are taken out one by one: what is rare keeps its digits.

References
----------
.. [1] W. K. Grassmann, M. I. Taksar, D. P. Heyman, "Regenerative analysis and steady state
   distributions for Markov chains", Operations Research 33, 1985.
"""

from __future__ import annotations

import numpy as np

__all__ = ["stationary"]


def stationary(rates: np.ndarray) -> np.ndarray:
    """Return the probabilities of the states.

    Parameters
    ----------
    rates : array of shape (cells, states, states)
        Rates from state to state; what is on the diagonal does not count. [1/s]

    Returns
    -------
    array of shape (cells, states)
        The probabilities. [-]

    Examples
    --------
    >>> stationary(np.array([[[-1.0, 1.0], [3.0, -3.0]]]))
    array([[0.75, 0.25]])
    """
    moves = np.maximum(rates, 0.0)
    size = moves.shape[-1]
    for k in range(size - 1, 0, -1):
        moves[:, :k, k] /= moves[:, k, :k].sum(axis=-1)[:, None]
        moves[:, :k, :k] += moves[:, :k, k, None] * moves[:, k, None, :k]
    found = np.zeros((len(moves), size))
    found[:, 0] = 1.0
    for k in range(1, size):
        found[:, k] = np.einsum("ci,ci->c", found[:, :k], moves[:, :k, k])
    return np.asarray(found / found.sum(axis=-1, keepdims=True))
