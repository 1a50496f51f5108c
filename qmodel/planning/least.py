"""The least value of a parameter with which a pipeline meets its objectives.

How many servers, which hit ratio, how much memory: wherever more of a parameter makes
nothing worse, the margin of an objective falls with it, and the answer is its root. Whole
numbers are halved between the last that fails and the first that holds; others are found
as roots. All scenarios of a model whose parameters are arrays share one search.

**Shapes.** One value for each cell of the broadcast shape of the model and the load.
**Limits.** The search doubles from one up to 2^60; a share ends at one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError, InfeasibleError, ModelError
from qmodel.numerics.roots import increasing_root
from qmodel.pipeline import Pipeline
from qmodel.planning.slo import Objective, parse_objective

__all__ = ["least"]

_DOUBLINGS = 60
_SATURATION = Objective("utilization", 1.0)


def least(
    model: Pipeline,
    parameter: str,
    arrival_rate: Value,
    objective: str | Objective | Sequence[str | Objective] = (),
) -> Value:
    """Return the least value of a parameter with which a pipeline meets its objectives.

    Parameters
    ----------
    model : Pipeline
        The model; its other parameters may be arrays. [-]
    parameter : str
        A parameter of which more is never worse, as in `Pipeline.parameters`: servers,
        replicas, a hit ratio, the capacity of a cache, a time to live. [-]
    arrival_rate : number or array
        The load. [1/s]
    objective : str, Objective or sequence of them, optional
        What must hold, such as "p99 < 300 ms", or several of them, which must all hold;
        by default only that no station saturates. [-]

    Returns
    -------
    number or array
        The value, on the side where the objectives hold: to 1e-10 relative, or a whole
        number; 0 (or 1, for counts) where they hold with nothing. In a model with arrays,
        ``inf`` where no value is enough, NaN where a parameter is. [-]

    Raises
    ------
    DomainError
        If a text is no objective.
    InfeasibleError
        If no value is enough, in a model without arrays.
    ModelError
        If there is no such parameter, or the model is symbolic.

    Examples
    --------
    >>> import qmodel as qm
    >>> cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=4))
    >>> site = qm.Pipeline(qm.cached(0.9, lookup=cache, miss=db))

    The least hit ratio that the database survives, and the least for a latency:

    >>> float(least(site, "cache.hit_ratio", 1000.0))
    0.6
    >>> float(least(site, "cache.hit_ratio", 1000.0, "p99 < 30 ms"))
    0.8219

    How many servers, for three loads:

    >>> least(site, "db.servers", [1000.0, 2000.0, 4000.0], "p99 < 30 ms")
    array([3., 4., 6.])
    """
    if not isinstance(model, Pipeline):
        raise ModelError(f"model must be a Pipeline, got {model!r}")
    given = [objective] if isinstance(objective, (str, Objective)) else list(objective)
    objectives = [parse_objective(o) for o in given] or [_SATURATION]
    if is_symbolic(arrival_rate, model.max_rate):
        raise ModelError("the least parameter has no symbolic form: put numbers in")

    def missed(value: Any) -> Any:
        result = model.replace({parameter: value}).solve(arrival_rate)
        worst = reduce(np.maximum, (o.margin(result) for o in objectives))
        # The limit itself is met, so the search must not stop where it is first reached.
        return np.where(worst <= 0, np.minimum(worst, -1e-300), worst)[()]

    low = 0.0 if _takes(model, parameter, 0.0) else 1.0
    whole = not _takes(model, parameter, 1.5) and _takes(model, parameter, 2.0)
    doublings = _DOUBLINGS if _takes(model, parameter, 2.0) else 0
    first = np.asarray(missed(low))
    found, high = _doubled(missed, first, low, doublings)
    if first.ndim == 0 and np.isinf(high):
        raise InfeasibleError(
            f"no {parameter} is enough for {', '.join(str(o) for o in objectives)} "
            f"at {float(np.asarray(arrival_rate)):g}/s"
        )
    search = _halved if whole else _root
    inner = np.isfinite(high) & (high > low)
    value = search(missed, np.where(inner, found, low), np.where(inner, high, 1.0))
    return np.where(np.isnan(first), np.nan, np.where(inner, value, high))[()]


def _takes(model: Pipeline, parameter: str, value: float) -> bool:
    """Return whether a value is in the domain of a parameter."""
    try:
        model.replace({parameter: value})
    except DomainError:
        return False
    return True


def _doubled(
    missed: Callable[[Any], Any], first: Any, low: float, doublings: int
) -> tuple[Any, Any]:
    """Return values that fail and that hold, a factor of two apart; inf if none holds."""
    fails = np.full(first.shape, low)
    open_ = first > 0
    holds = np.where(open_, np.inf, low)
    value = 1.0
    for _ in range(doublings + 1):
        if not open_.any():
            break
        above = np.asarray(missed(np.where(open_, value, 1.0)[()])) > 0
        holds = np.where(open_ & ~above, value, holds)
        fails = np.where(open_ & above, value, fails)
        open_ &= above
        value *= 2
    return fails, holds


def _halved(missed: Callable[[Any], Any], fails: Any, holds: Any) -> Any:
    """Return the least whole number that holds."""
    while (holds - fails > 1).any():
        middle = np.where(holds - fails > 1, np.floor((fails + holds) / 2), holds)
        above = np.asarray(missed(middle[()])) > 0
        fails, holds = np.where(above, middle, fails), np.where(above, holds, middle)
    return holds


def _root(missed: Callable[[Any], Any], fails: Any, holds: Any) -> Any:
    """Return where the margin falls through zero, on the side where it holds."""
    found = increasing_root(lambda value: -np.asarray(missed(value)), fails, holds, rtol=1e-12)
    # The root is either end of its last bracket, and inverted tails have noise of 1e-11.
    for step in (1e-11, 1e-10, 1e-9):
        above = np.asarray(missed(found)) > 0
        if not above.any():
            break
        found = np.where(above, np.minimum(found * (1 + step), holds), found)
    return found
