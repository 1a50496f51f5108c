r"""How variable a stream is after each of its requests has been delayed by itself.

Delays X that do not depend on one another take requests from where they were: what comes
together is drawn apart, and what was kept apart comes together. The more the stream is looked
at over times short of the delays' differences, the more it is Poisson [1]_; over long times it
is as it was. With the index of dispersion I before, the index over a time t is here

.. math:: I_X(t) = 1 + (I(t + s) - 1) \frac{t}{t + s}, \qquad s = \min(\sigma_X, 2 E[X]),

right for t far below s and far above, with about the mean difference of two delays for s, which
it is for exponential ones. Constant delays change nothing, and those whose s is below a tenth
of the time between requests are taken to.

References
----------
.. [1] D. R. Cox, V. Isham, "Point Processes", Chapman and Hall, 1980, sec. 4.3 (random
   displacement).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel.distributions import Distribution
from qmodel.queues.approximations.dispersion import Dispersion

__all__ = ["displaced"]


_SHORT = 0.1


def displaced(stream: Dispersion, delay: Distribution, rate: Any) -> Dispersion:
    """Return what leaves a delay.

    Parameters
    ----------
    stream : Dispersion
        What comes. [-]
    delay : Distribution
        The time of each request, independent of all others. [-]
    rate : number or array
        Requests a second. [1/s]

    Examples
    --------
    Behind a server of constant work, which is nearly always busy:

    >>> import qmodel as qm
    >>> from qmodel.queues.approximations.behind import Behind
    >>> from qmodel.queues.approximations.dispersion import POISSON
    >>> left = Behind(POISSON, 1.0, 0.95, 1, qm.Deterministic(0.95), 1.0)
    >>> after = displaced(left, qm.Exponential(10.0), 1.0)
    >>> [round(1 + float(of.extra(t, {})), 2) for of in (left, after) for t in (1.0, 1e4)]
    [0.14, 0.98, 0.93, 0.98]
    """
    if stream.depth == 0:
        return stream
    spread = np.minimum(np.sqrt(delay.variance), 2 * np.asarray(delay.mean))[()]
    with np.errstate(invalid="ignore"):
        short = np.less(spread * rate, _SHORT) | np.equal(spread, 0)
    return stream if np.all(short) else _Displaced(stream, spread)


class _Displaced(Dispersion):
    def __init__(self, stream: Dispersion, spread: Any) -> None:
        self.depth, self.passed, self._before = stream.depth, stream.passed, stream
        self._spread = spread

    def _extra(self, time: Any, known: dict[int, Any]) -> Any:
        longer = time + self._spread
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(np.isinf(longer), 0.0, time / longer)
            part = np.where(np.isinf(time) & np.isfinite(self._spread), 1.0, part)
        # Another time: what is known of others is not of it.
        return np.where(part == 0, 0.0, self._before.extra(longer, {}) * part)[()]
