r"""Which of two models is better at which load, and where they change places.

One model may be better at low load and the other at high load: a split pays for its hops
when little is to do, one pool makes more of its servers when there is much. The difference of
a quantity is taken at 65 loads between none and the first saturation, closer together towards
both ends,

.. math:: \lambda_i = \lambda^* \, \frac{1 - \cos(\pi i / 64)}{2} ,

and each change of its sign is then narrowed to 1e-7 of the load. Two changes between
neighbouring loads (5 % of the saturation at most) go unseen. Beyond the first saturation the
model that is not saturated is better, up to its own.

**Ties.** Differences below 1e-9 of the quantity are none, as inverted distributions have noise
of 1e-11; where two models agree from one load to another, the end of that counts as the change.
**Shapes.** Arrays in the models broadcast; the changes of each cell lie along a new first
axis, NaN where a cell has fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.basis import Basis, union
from qmodel.errors import ModelError
from qmodel.numerics.roots import increasing_root
from qmodel.planning._models import asked
from qmodel.planning._results import Model, max_rate_of
from qmodel.planning.quantities import quantity_of
from qmodel.units import text

__all__ = ["Crossing", "crossing"]

_STEPS = 64
_TIE, _NARROW = 1e-9, 1e-7


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Crossing:
    """Which of two models is better, by load.

    Parameters
    ----------
    quantity : str
        What is compared. [-]
    names : tuple of str
        The names of the first and the second model. [-]
    rates : array
        Loads at which they change places, ascending along the first axis; NaN where a
        cell has fewer changes. [1/s]
    idle : str or array of str
        The better one at low load, up to the first change; "" where they never differ. [-]
    saturation : number or array
        Load up to which both were compared: the first saturation, or `up_to`. [1/s]
    max_rates : tuple of numbers or arrays
        Arrival rates at which the first and the second model saturate. [1/s]
    basis : Basis
        What `rates` rest on: both models. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> found = crossing(qm.MMc(0.010), qm.MMc(0.030, servers=4), "mean")
    >>> found.rates.round(1), found.max_rates[0]
    (array([69.8]), 100.0)
    """

    quantity: str
    names: tuple[str, str]
    rates: np.ndarray
    idle: Any
    saturation: Value
    max_rates: tuple[Value, Value]
    basis: Basis

    @checked
    def better(self, arrival_rate: Value) -> Any:
        """Return the name of the better model at a load.

        Parameters
        ----------
        arrival_rate : number or array
            The load. [1/s]

        Returns
        -------
        str or array of str
            The name; "" where the two do not differ, or both are overloaded, and beyond a
            limit of the comparison. [-]

        Raises
        ------
        DomainError
            If `arrival_rate` is negative.
        """
        rate = np.asarray(_check.nonnegative("arrival_rate", arrival_rate))
        first, second = (np.asarray(limit) for limit in self.max_rates)
        with np.errstate(invalid="ignore"):
            changes = np.sum(self.rates <= rate[None], axis=0)
        here = np.asarray(self.idle)
        other = np.where(here == self.names[0], self.names[1], self.names[0])
        found = np.where(changes % 2 == 0, here, np.where(here == "", "", other))
        alone = np.where(first > second, *self.names)
        last = np.maximum(first, second)
        beyond = np.where((rate < last) & (rate >= np.minimum(first, second)), alone, "")
        found = np.where(rate < self.saturation, found, beyond)
        return found if found.ndim else str(found)

    def __str__(self) -> str:
        """Return the answer in one line, where there is one scenario."""
        if np.ndim(self.saturation):
            return f"Crossing of {self.names[0]} and {self.names[1]} in {self.quantity}"
        if np.isnan(self.saturation):
            return f"where {self.names[0]} and {self.names[1]} cross is unknown (NaN)"
        changes = [float(rate) for rate in self.rates if np.isfinite(rate)]
        until = text(float(self.saturation), "1/s")
        if not self.idle:
            return f"{self.names[0]} and {self.names[1]} have the same {self.quantity}"
        names = [self.idle, self.names[self.names[0] == self.idle]]
        steps = [f"{names[i % 2]} up to {text(x, '1/s')}" for i, x in enumerate(changes)]
        last = names[len(changes) % 2]
        ends = ", ".join([*steps, f"{last} up to {until}" if not steps else f"then {last}"])
        better = "higher" if quantity_of(self.quantity).more_is_better else "lower"
        answer = f"{better} {self.quantity}: {ends}"
        first, second = (float(limit) for limit in self.max_rates)
        if min(first, second) > float(self.saturation) or first == second:
            return f"{answer}; compared up to {until}" if steps else answer
        full = self.names[second < first]
        return f"{answer}; {full} saturates at {until}"

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"


@checked
def crossing(
    first: Model,
    second: Model,
    quantity: str = "p99",
    *,
    kind: str | None = None,
    names: tuple[str, str] = ("first", "second"),
    up_to: Value | None = None,
) -> Crossing:
    """Return at which loads two models change places, and which is better below.

    Parameters
    ----------
    first, second : Pipeline or Station
        The models. [-]
    quantity : str, default "p99"
        What objectives ask for: "mean", a percentile such as "p99.9", "p95 wait", "loss",
        "utilization" (of the busiest station); less of it is better, but of "goodput". [-]
    kind : str, optional
        The kind of request, or the station, that counts; by default all. [-]
    names : tuple of str, default ("first", "second")
        What the models are called in the answer. [-]
    up_to : number or array, optional
        Load up to which to compare, > 0; by default, and at most, the first saturation.
        [1/s]

    Returns
    -------
    Crossing
        The loads, and which model is better where.

    Raises
    ------
    DomainError
        If the quantity is unknown, or `up_to` is not > 0.
    ModelError
        If a model is something else, has symbols, has no such kind, the names are not two,
        or neither of both ever saturates and `up_to` is missing.

    Examples
    --------
    One fast server, or four of a third of its speed? Four, once the fast one has a queue:

    >>> import qmodel as qm
    >>> one, four = qm.MMc(0.010), qm.MMc(0.030, servers=4)
    >>> r = crossing(one, four, "mean", names=("one fast", "four slow"))
    >>> print(r)
    lower mean: one fast up to 69.8/s, then four slow; one fast saturates at 100/s
    >>> r.better([50.0, 80.0, 110.0, 150.0]).tolist()
    ['one fast', 'four slow', 'four slow', '']

    The slower the four, the later:

    >>> times = np.array([0.020, 0.030, 0.0399])
    >>> crossing(one, qm.MMc(times, servers=4), "mean").rates.round(1)
    array([[50.3, 69.8, 96.4]])
    """
    models = asked(first, "first"), asked(second, "second")
    if len(set(names)) != 2:
        raise ModelError(f"names must be two different ones, got {names!r}")
    what = quantity_of(quantity)
    low_loaded = tuple(model.solve(0.0) for model in models)
    limits = tuple(max_rate_of(result) for result in low_loaded)
    if is_symbolic(*limits):
        raise ModelError("where models cross has no symbolic form: put numbers in")
    end = np.minimum(*limits)
    if up_to is not None:
        end = np.minimum(end, _check.positive("up_to", up_to))
    if np.isinf(end).any():
        raise ModelError("neither model saturates: up to which load (up_to)?")

    def values(rate: Any) -> tuple[Any, Any]:
        return tuple(what.value(model.solve(rate), kind) for model in models)

    def difference(rate: Any) -> Any:
        a, b = np.broadcast_arrays(*values(rate))
        with np.errstate(invalid="ignore"):
            gap = np.where(
                np.isinf(a) & np.isinf(b), 0.0, b - a if what.more_is_better else a - b
            )
            return np.where(np.abs(gap) <= _TIE * np.minimum(a, b), 0.0, gap)

    shape = difference(end).shape
    steps = (1 - np.cos(np.pi * np.arange(_STEPS + 1) / _STEPS)) / 2
    grid = np.broadcast_to(end, shape) * steps.reshape(-1, *[1] * len(shape))
    signs = np.sign(difference(grid))
    low, high, sign, begins = _brackets(grid, signs)

    def rising(rate: Any) -> Any:
        gap = sign * difference(np.where(np.isnan(rate), 0.0, rate))
        # A tie is still before the change.
        return np.where(np.isnan(low), np.nan, np.where(gap == 0, -1e-300, gap))

    rates = increasing_root(rising, low, high, rtol=_NARROW) if low.size else low
    idle = np.where(begins < 0, names[0], np.where(begins > 0, names[1], ""))
    return Crossing(
        quantity=str(what),
        names=names,
        rates=rates,
        idle=idle if idle.ndim else str(idle),
        saturation=end,
        max_rates=limits,
        basis=Basis({"rates": union(*(what.grounds(result) for result in low_loaded))}),
    )


def _brackets(grid: Any, signs: Any) -> tuple[Any, Any, Any, Any]:
    """Return the loads before and after each change of sign, the new sign, and the first.

    Ties are passed over: what counts is the last load at which there was a sign.
    """
    places = np.arange(len(grid)).reshape(-1, *[1] * (grid.ndim - 1))
    told = np.where((signs != 0) & ~np.isnan(signs), places, -1)
    last = np.maximum.accumulate(told, axis=0)
    before = np.concatenate([np.full((1, *grid.shape[1:]), -1), last[:-1]])
    at = np.take_along_axis(signs, np.maximum(before, 0), 0)
    changed = (told >= 0) & (before >= 0) & (at * signs < 0)
    # The k-th change of each cell goes into row k.
    order = np.argsort(~changed, axis=0, kind="stable")[: int(changed.sum(axis=0).max())]
    some = np.take_along_axis(changed, order, 0)
    high = np.where(some, np.take_along_axis(grid, order, 0), np.nan)
    came = np.maximum(np.take_along_axis(before, order, 0), 0)
    low = np.where(some, np.take_along_axis(grid, came, 0), np.nan)
    sign = np.take_along_axis(signs, order, 0)
    early = np.argmax(told >= 0, axis=0)[None]
    begins = np.take_along_axis(signs, early, 0)[0]
    return low, high, sign, begins
