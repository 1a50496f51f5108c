"""The laws of how a model is put together: how often it calls what, and how fast it is idle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qmodel._nearest import did_you_mean
from qmodel.errors import DomainError, ModelError
from qmodel.pipeline import Pipeline
from qmodel.testing.compare import Model, equal, get, within

__all__ = ["idle_latency", "visits"]


def visits(
    model: Pipeline,
    expected: Mapping[str, float | tuple[float, float]],
    *,
    rel: float = 1e-9,
) -> None:
    """Assert how often one request calls each station: a station called twice is found.

    Parameters
    ----------
    model : Pipeline
        The model. [-]
    expected : mapping of str to (number or pair of numbers)
        For each station its mean number of visits, or the least and the most. [-]
    rel : float, default 1e-9
        Relative tolerance of a single number. [-]

    Raises
    ------
    AssertionError
        If a station is called more or less often, or there is one that is not expected.
    ModelError
        If there is no such station.

    Examples
    --------
    >>> import qmodel as qm
    >>> web, db = qm.call("web", qm.MMc(0.02, 16)), qm.call("db", qm.MMc(0.008, 4))
    >>> shop = qm.Pipeline(qm.series(web, qm.branch((0.1, db), (0.9, qm.nothing())), db))
    >>> visits(shop, {"web": 1, "db": (0, 1)})
    Traceback (most recent call last):
        ...
    AssertionError: visits of one request: db is 1.1, not from 0 to 1
    """
    law, found = "visits of one request", model.visits
    if not expected:
        raise DomainError("expected must name at least one station")
    for name, value in expected.items():
        if name not in found:
            raise ModelError(f"no station {name!r} in the pipeline{did_you_mean(name, found)}")
        if isinstance(value, tuple):
            within(law, name, found[name], *value)
        else:
            equal(law, name, found[name], value, rel)
    others = [n for n in found if n not in expected and np.any(np.asarray(found[n]) > 0)]
    if others:
        raise AssertionError(f"{law}: {', '.join(others)} is called, and is not expected")


def idle_latency(
    model: Model,
    least: float,
    most: float,
    *,
    quantities: Sequence[str] = ("mean", "p99"),
) -> None:
    """Assert that a request alone takes a time that is plausible: slips of units are found.

    Milliseconds that are taken for seconds are off by a thousand, so the range may be wide.

    Parameters
    ----------
    model : Station or Pipeline
        The model, solved without load. [-]
    least, most : float
        The range. [s]
    quantities : sequence of str, default ("mean", "p99")
        What must lie in it. [-]

    Raises
    ------
    AssertionError
        If a time lies outside the range.
    DomainError
        If the range is empty.

    Examples
    --------
    >>> import qmodel as qm
    >>> idle_latency(qm.web.typical_pipeline(), 0.01, 1.0)
    >>> idle_latency(qm.MMc(20, servers=16), 0.001, 1.0)
    Traceback (most recent call last):
        ...
    AssertionError: the idle latency: mean is 20.0, not from 0.001 to 1.0
    """
    if not 0 <= least < most:
        raise DomainError(f"least must be at least 0 and below most, got {least} and {most}")
    result = model.solve(0.0)
    for name in quantities:
        within("the idle latency", name, get(result, name), least, most)
