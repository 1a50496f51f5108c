"""Capacity: the greatest load under which a model still meets its objectives.

Every objective worsens with load, so its `margin` is an increasing function of the arrival
rate, and the capacity is its root between no load and saturation. All scenarios of a model
whose parameters are arrays share one root search; each step solves the whole model once
and asks for one tail, not for a percentile. A goodput alone grows with load: it is asked for
at the greatest load that the other objectives permit.

**Shapes.** One capacity for each cell of the broadcast shape of the model's parameters.
**Limits.** A model that never saturates (delays; what refuses or loses requests; stations
behind a token bucket) has no bracket: it doubles from one request in a mean latency, and the
capacity is ``inf`` where the objectives still hold at 2^40 times that. The latency is that of
the requests let through, so a latency alone says nothing of what is refused at that load: add
an objective such as "loss < 1 %", or ask `qmodel.answers.capacity`, which says what is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.errors import InfeasibleError, ModelError
from qmodel.loads import Closed
from qmodel.numerics.roots import bracketed, increasing_root
from qmodel.planning._models import Asked, asked
from qmodel.planning._results import Model, latency_of
from qmodel.planning.region import warn_beyond
from qmodel.planning.slo import Objective, Objectives, objectives_of
from qmodel.planning.users import most_users

__all__ = ["capacity"]

_RTOL = 1e-14  # Near saturation everything hangs on the last digits of the load.
_SPARE = 0.5 ** np.arange(12)
_FEW = 256
_DOUBLINGS = 40
_ANY = 1e6  # Users that saturate what users can saturate.


@checked
def capacity(model: Model, *objectives: Objectives, think_time: Value | None = None) -> Value:
    """Return the greatest arrival rate, or number of users, at which objectives are met.

    Parameters
    ----------
    model : Pipeline or Station
        The model; its parameters may be arrays. [-]
    *objectives : str, Objective or sequence of them
        What must hold, all of it, such as "p99 < 300 ms", "loss < 1 %"; without any, only
        that the model does not saturate. [-]
    think_time : number or array, optional
        Mean time between an answer and the next request of a user, >= 0; with it the load is
        `qmodel.Closed`, and the capacity a number of users. [s]

    Returns
    -------
    number or array
        The load, to 1e-14 relative (or the noise of an inverted tail), on the side where
        the objectives hold; the saturation rate where they hold at every load below it,
        ``inf`` where they hold at any load, NaN where a parameter is. In a model with
        arrays, 0 where they are missed even without load. [1/s]

        With `think_time`, the greatest whole number of users, ``inf`` where any number is
        served well enough: users wait, so they saturate nothing. [-]

    Raises
    ------
    DomainError
        If a text is no objective.
    InfeasibleError
        If a model without arrays misses an objective even without load, or with one user;
        the message has the value.
    ModelError
        If the model is symbolic, is no model, lacks what an objective names, or cannot take
        a closed load.

    Examples
    --------
    >>> import qmodel as qm
    >>> database = qm.MMc(0.02, servers=4)
    >>> float(capacity(database)), float(capacity(database, "p99 < 100 ms"))
    (200.0, 121.2459)

    All scenarios at once:

    >>> path = qm.series(qm.call("web", qm.MMc(0.01, servers=4)), qm.call("db", database))
    >>> scenarios = qm.Pipeline(path).replace({"db.servers": [2, 4, 8]})
    >>> capacity(scenarios, "p99 < 150 ms", "utilization < 80%").round(2)
    array([ 62.42, 159.66, 320.  ])

    How much traffic 15 lines take at 1 % blocking, in Erlang:

    >>> float(capacity(qm.MGcc(qm.Exponential(1.0), 15), "loss <= 1 %"))
    8.1080

    How many users who think for 5 s between two pages:

    >>> float(capacity(scenarios.replace({"db.servers": 2}), "p99 < 1 s", think_time=5.0))
    543.0

    >>> capacity(database, "p99 < 90 ms")
    Traceback (most recent call last):
    qmodel.errors.InfeasibleError: p99 is 92.1 ms without any load: 'p99 < 90 ms' ...
    """
    what = asked(model)
    wanted = objectives_of(objectives)
    if think_time is not None:
        users = most_users(what, wanted, think_time)
        warn_beyond(model, Closed(np.clip(np.nan_to_num(users, nan=1.0), 1, _ANY), think_time))
        return users
    found = _greatest_rate(what, wanted)
    warn_beyond(model, found)
    return found


def _greatest_rate(what: Asked, wanted: Sequence[Objective]) -> Value:
    saturation = what.max_rate
    if not wanted:
        return saturation
    if is_symbolic(saturation):
        raise ModelError("the capacity under an objective has no symbolic form: put numbers in")
    limits = [o for o in wanted if not o.from_below]
    missed = _missed(what, limits)
    idle = missed(0.0)
    saturation, _ = np.broadcast_arrays(saturation, idle)
    if saturation.ndim == 0 and idle > 0:
        raise InfeasibleError(_why(what, limits))
    # One step below saturation all margins are finite, and nearly straight lines up to it.
    high = np.nextafter(saturation, 0.0)
    if np.isinf(saturation).any():
        high = np.where(np.isinf(saturation), _bracket(what, missed), high)
    found = high
    if limits:
        # Few cells cost as much as one: then the bracket is found at once, dense at saturation.
        spare = _SPARE if high.size <= _FEW else _SPARE[:1]
        loads = [high * (1 - part) for part in spare]
        low, top, at_low, at_top = bracketed(missed, np.stack([*loads, high]))
        found = increasing_root(
            missed, low, top, rtol=_RTOL, at_low=at_low, at_high=at_top, side="below"
        )
    answer = np.where(found == high, saturation, found)[()]
    floors = [o for o in wanted if o.from_below]
    if floors:
        # A million times what keeps one server busy is as good as endless.
        served = np.where(np.isinf(answer), np.minimum(found, high * 2.0**-20), found)[()]
        lacking = _missed(what, floors)(served) > 0
        if np.ndim(lacking) == 0 and lacking:
            raise InfeasibleError(_why(what, floors, float(served)))
        answer = np.where(lacking, 0.0, answer)[()]
    return answer


def _missed(model: Asked, objectives: Sequence[Objective]) -> Callable[[Any], Any]:
    """Return the function from a load to how far the worst objective is missed there."""

    def missed(rate: Any) -> Any:
        result = model.solve(rate)
        worst = reduce(np.maximum, [o.margin(result) for o in objectives] or [_met(result)])
        # The limit itself is met, so the search must not stop where it is first reached.
        return np.where(worst <= 0, np.minimum(worst, -1e-300), worst)[()]

    return missed


def _met(result: Any) -> Any:
    """Return a margin without objectives: within by all there is, NaN where the model is."""
    mean = np.asarray(latency_of(result).mean, dtype=float)
    return np.where(np.isnan(mean), np.nan, -np.inf)[()]


def _bracket(model: Asked, missed: Callable[[Any], Any]) -> Any:
    """Return a load that misses, within a factor of two, or the greatest one tried."""
    mean = np.asarray(latency_of(model.solve(0.0)).mean, dtype=float)
    with np.errstate(divide="ignore"):
        high = np.where(mean > 0, 1 / mean, 1.0)
    last = high * 2.0**_DOUBLINGS
    never = missed(last[()]) < 0
    for _ in range(_DOUBLINGS):
        low = ~never & (missed(high[()]) < 0)
        if not low.any():
            break
        high = np.where(low, 2 * high, high)
    return np.where(never, last, high)


def _why(model: Asked, objectives: Sequence[Objective], rate: float = 0.0) -> str:
    """Return the message for the first objective missed at the load where it is best met."""
    result = model.solve(rate)
    first = next(o for o in objectives if o.margin(result) > 0)
    value = first.text(float(first.value(result)))
    best = f"at most {value}" if first.from_below else f"{value} without any load"
    return f"{first.quantity} is {best}: {str(first)!r} cannot be met"
