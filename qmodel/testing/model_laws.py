"""The laws of a model: what moves with its parameters, and to which model it tends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.queues.base import Station
from qmodel.testing.compare import (
    TIMES,
    TINY,
    Model,
    equal,
    get,
    quantities_of,
    rising,
    several,
)
from qmodel.testing.rescaled import rescaled

__all__ = [
    "agree",
    "array_equals_cells",
    "change_of_time_unit",
    "float_equals_symbolic",
    "insensitive",
    "monotone_in",
    "monotone_in_load",
    "tends_to",
]

_BESIDE = {"waiting_time": "response_time", "queue_length": "number_in_system"}
"""What the rounding of a small number is of the size of."""

_ROUNDING = 1e-13


def monotone_in_load(
    model: Model, rates: Iterable[float], quantities: Sequence[str] | None = None
) -> None:
    """Assert that no time and no number is less at more load.

    Parameters
    ----------
    model : Station or Pipeline
        The model. [-]
    rates : iterable of float
        Arrival rates. [1/s]
    quantities : sequence of str, optional
        What is compared; by default the mean times. [-]

    Raises
    ------
    AssertionError
        If a quantity falls.

    Examples
    --------
    >>> import qmodel as qm
    >>> monotone_in_load(qm.web.typical_pipeline(), [10.0, 1000.0, 3000.0])
    """
    rates = sorted(several("rates", rates, least=2))
    results = [model.solve(rate) for rate in rates]
    rising("more load is never faster", "load", rates, results, quantities, up=True)


def monotone_in(
    build: Callable[[Any], Model],
    values: Iterable[Any],
    arrival_rate: float,
    *,
    up: bool,
    quantities: Sequence[str] | None = None,
) -> None:
    """Assert that times rise, or fall, with a parameter.

    Theory says so of the mean times of every station: they fall with servers, and rise with
    the service time; with the SCV the wait of queues rises, that of shared servers stays.

    Parameters
    ----------
    build : callable
        From a value of the parameter to the model. [-]
    values : iterable of numbers
        The values. [-]
    arrival_rate : float
        Arrival rate. [1/s]
    up : bool
        Whether times rise or fall. [-]
    quantities : sequence of str, optional
        What is compared; by default the mean times. [-]

    Raises
    ------
    AssertionError
        If a quantity moves the other way.

    Examples
    --------
    >>> import qmodel as qm
    >>> monotone_in(lambda c: qm.MMc(0.1, c), [2, 3, 4], 15.0, up=False)
    >>> monotone_in(lambda scv: qm.MG1(qm.Gamma(0.1, scv)), [0.1, 1.0, 9.0], 8.0, up=True)
    """
    values = sorted(several("values", values, least=2))
    results = [build(value).solve(arrival_rate) for value in values]
    law = f"times {'rise' if up else 'fall'} with the parameter"
    rising(law, "parameter", values, results, quantities, up=up)


def change_of_time_unit(
    model: Model, arrival_rate: Value, *, unit: float = 60.0, rel: float = 1e-9
) -> None:
    """Assert that another unit of time changes the numbers of times only.

    Parameters
    ----------
    model : Station or Pipeline
        The model. [-]
    arrival_rate : number or array
        Arrival rate. [1/s]
    unit : float, default 60
        How many of the new units a second has. [-]
    rel : float, default 1e-9
        Relative tolerance; of percentiles, not below 1e-6. [-]

    Raises
    ------
    AssertionError
        If something else changes. A wait may change by 1e-13 of the response time: where
        hardly any request waits it is what rounding leaves of the service.

    Examples
    --------
    >>> import qmodel as qm
    >>> change_of_time_unit(qm.web.typical_pipeline(), 2000.0)
    """
    here = model.solve(arrival_rate)
    there = rescaled(model, unit).solve(arrival_rate / unit)
    for name in quantities_of(here, percentiles=True):
        factor = unit if name in TIMES else 1 / unit if name == "max_rate" else 1
        near = max(rel, 1e-6) if name in ("p50", "p99") else rel
        found, expected = get(there, name), get(here, name) * factor
        whole = _BESIDE.get(name)
        floor = TINY if whole is None else float(np.max(get(here, whole) * factor * _ROUNDING))
        equal("another unit of time", name, found, expected, near, floor=floor)


def array_equals_cells(model: Model, rates: Iterable[float], *, rel: float = 1e-9) -> None:
    """Assert that many loads at once are each load by itself.

    Parameters
    ----------
    model : Station or Pipeline
        The model. [-]
    rates : iterable of float
        Arrival rates; overload is allowed. [1/s]
    rel : float, default 1e-9
        Relative tolerance; of percentiles, not below 1e-6. [-]

    Raises
    ------
    AssertionError
        If a cell differs from its own solution.

    Examples
    --------
    >>> import qmodel as qm
    >>> array_equals_cells(qm.MMc(0.2, servers=4), [0.0, 9.0, 25.0])
    """
    rates = np.asarray(several("rates", rates), dtype=float)
    together, apart = model.solve(rates), [model.solve(float(rate)) for rate in rates]
    for name in quantities_of(together, percentiles=True):
        found = np.broadcast_to(get(together, name), rates.shape)
        near = max(rel, 1e-6) if name in ("p50", "p99") else rel
        cells = np.array([get(alone, name) for alone in apart])
        equal("an array is its cells", name, found, cells, near, keep_infinite=True)


def float_equals_symbolic(model: Model, arrival_rate: float, *, rel: float = 1e-11) -> None:
    """Assert that the solution at a symbol, with the rate put in, is that in floats.

    Parameters
    ----------
    model : Station or Pipeline
        The model; with closed forms. [-]
    arrival_rate : float
        Arrival rate; stable. [1/s]
    rel : float, default 1e-11
        Relative tolerance. [-]

    Raises
    ------
    AssertionError
        If they differ.

    Examples
    --------
    >>> import qmodel as qm
    >>> float_equals_symbolic(qm.web.typical_pipeline(workers="free"), 2000.0)
    """
    from qmodel import symbolic

    floats = model.solve(arrival_rate)
    formulas = model.solve(symbolic.arrival_rate)
    for name in quantities_of(floats):
        if name != "max_rate":
            found = symbolic.evaluate(
                get(formulas, name), {symbolic.arrival_rate: arrival_rate}
            )
            equal("floats are the symbols", name, found, get(floats, name), rel)


def agree(
    one: Model,
    other: Model,
    arrival_rate: Value,
    *,
    rel: float = 1e-9,
    quantities: Sequence[str] | None = None,
) -> None:
    """Assert that two models are one: the limit of a model is the other.

    Parameters
    ----------
    one, other : Station or Pipeline
        The models. [-]
    arrival_rate : number or array
        Arrival rate. [1/s]
    rel : float, default 1e-9
        Relative tolerance. [-]
    quantities : sequence of str, optional
        What is compared, such as "p99"; by default all means. [-]

    Raises
    ------
    AssertionError
        If they differ.

    Examples
    --------
    >>> import qmodel as qm
    >>> agree(qm.MGc(qm.Exponential(0.2), 4), qm.MMc(0.2, 4), 9.0, quantities=["p99"])
    """
    found, expected = one.solve(arrival_rate), other.solve(arrival_rate)
    names = quantities_of(found) if quantities is None else several("quantities", quantities)
    for name in names:
        equal("the models agree", name, get(found, name), get(expected, name), rel)


def tends_to(
    build: Callable[[Any], Model],
    limit: Model,
    values: Sequence[Any],
    arrival_rate: float,
    *,
    rel: float = 1e-3,
    quantity: str = "response_time",
) -> None:
    """Assert that a model tends to another as a parameter goes to its limit.

    Parameters
    ----------
    build : callable
        From a value of the parameter to the model. [-]
    limit : Station or Pipeline
        What it tends to. [-]
    values : sequence of numbers
        Values on the way to the limit, in order. [-]
    arrival_rate : float
        Arrival rate. [1/s]
    rel : float, default 1e-3
        Relative tolerance at the last value. [-]
    quantity : str, default "response_time"
        What is compared. [-]

    Raises
    ------
    AssertionError
        If the distance grows on the way, or is not small at the end.

    Examples
    --------
    >>> import qmodel as qm
    >>> tends_to(lambda k: qm.MG1(qm.Erlang(0.1, k)), qm.MG1(qm.Deterministic(0.1)),
    ...          [4, 64, 4096], 8.0)
    """
    values = several("values", values, least=2)
    goal = float(get(limit.solve(arrival_rate), quantity))
    found = [float(get(build(value).solve(arrival_rate), quantity)) for value in values]
    distance = [abs(x - goal) for x in found]
    slack = 1e-12 * abs(goal)
    for value, before, after in zip(values[1:], distance, distance[1:], strict=False):
        if not after <= before + slack:
            raise AssertionError(
                f"the limit is approached: at {value} {quantity} is further from it, "
                f"{after:g} after {before:g}"
            )
    equal("the limit is reached", quantity, found[-1], goal, rel)


def insensitive(
    build: Callable[[Distribution], Station],
    laws: Iterable[Distribution],
    arrival_rate: Value,
    *,
    rel: float = 1e-9,
    quantities: Sequence[str] = ("response_time", "number_in_system", "loss"),
) -> None:
    """Assert that only the mean of the law of service counts.

    So it is of the means under processor sharing, of delays, and of Erlang's loss.

    Parameters
    ----------
    build : callable
        From a law of service to the station. [-]
    laws : iterable of Distribution
        Laws of equal mean. [-]
    arrival_rate : number or array
        Arrival rate. [1/s]
    rel : float, default 1e-9
        Relative tolerance. [-]
    quantities : sequence of str, default response_time, number_in_system and loss
        What is compared. [-]

    Raises
    ------
    AssertionError
        If a quantity depends on the law.

    Examples
    --------
    >>> import qmodel as qm
    >>> insensitive(qm.MG1PS, [qm.Exponential(0.1), qm.Gamma(0.1, 4.0)], 8.0)
    """
    some = several("laws", laws, least=2)
    first, *others = [build(law).solve(arrival_rate) for law in some]
    for other in others:
        for name in several("quantities", quantities):
            found, expected = get(other, name), get(first, name)
            equal("insensitivity to the law of service", name, found, expected, rel)
