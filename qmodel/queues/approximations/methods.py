"""Which approximations of the mean wait of GI/G/c hold at a point, and how well.

`methods` lists them with their largest error over a class of points around it, measured
against exact solutions (docs/reference/errors-of-approximations.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._typing import Value
from qmodel.errors import DomainError
from qmodel.queues.approximations import interpolated_waits as interpolated
from qmodel.queues.approximations import kingman
from qmodel.queues.approximations import scaled_waits as scaled
from qmodel.queues.approximations.combined_wait import combined
from qmodel.queues.approximations.ggc_errors import ERRORS, LOADS

__all__ = ["FORMULAS", "Method", "best", "methods"]

FORMULAS: dict[str, Callable[..., Value]] = {
    "combined": combined,
    "kimura": interpolated.kimura,
    "page": interpolated.page,
    "cosmetatos": interpolated.cosmetatos,
    "whitt": scaled.whitt,
    "kraemer_langenbach_belz": scaled.kraemer_langenbach_belz,
    "allen_cunneen": scaled.allen_cunneen,
    "kingman": kingman.kingman,
}


@dataclass(frozen=True, slots=True)
class Method:
    """A named approximation of the mean wait, with its error around a point.

    Parameters
    ----------
    name : str
        Its name, that of the function. [-]
    formula : callable
        The function of arrival rate, service time, servers and the two SCVs. [-]
    error : float
        Largest relative error measured over the class of the point; 0 where it is exact. [-]

    Examples
    --------
    >>> method = best(arrival_scv=1.0, service_scv=4.0, servers=5, load=0.8)
    >>> wait = method.formula(4.0, 1.0, servers=5, arrival_scv=1.0, service_scv=4.0)
    >>> method.name, method.error, float(wait)
    ('kimura', 0.02, 1.2318)
    """

    name: str
    formula: Callable[..., Value]
    error: float


@checked
def methods(
    *, arrival_scv: float, service_scv: float, servers: int, load: float
) -> tuple[Method, ...]:
    """Return the approximations of the mean wait that hold at a point, the best first.

    Parameters
    ----------
    arrival_scv : float
        Squared coefficient of variation of the interarrival times, >= 0. [-]
    service_scv : float
        Squared coefficient of variation of the service time, >= 0. [-]
    servers : int
        Number of servers, >= 1. [-]
    load : float
        Utilization, >= 0 and below 1. [-]

    Returns
    -------
    tuple of Method
        The methods, by their largest measured error; those whose error is not known, because
        hardly a request waits there, are last.

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> [m.name for m in methods(arrival_scv=0.5, service_scv=2.0, servers=4, load=0.8)][:3]
    ['combined', 'whitt', 'kraemer_langenbach_belz']
    """
    arrivals = _class(_check.one("arrival_scv", arrival_scv, _check.scv))
    services = _class(_check.one("service_scv", service_scv, _check.scv))
    c = _check.one_count("servers", servers)
    rho = _check.one("load", load, _check.nonnegative)
    if not rho < 1:
        raise DomainError(f"load must be below 1, got {load}")
    many = "1" if c == 1 else "2 to 6" if c <= 6 else "more"
    # Of the measured loads the next below, where errors are larger.
    column = max((i for i, at in enumerate(LOADS) if at <= rho), default=0)
    known = ERRORS[arrivals, services, many]
    found = [Method(name, FORMULAS[name], errors[column]) for name, errors in known.items()]
    order = list(FORMULAS)
    # Of equals the simpler, which is the later.
    return tuple(
        sorted(found, key=lambda m: (np.isnan(m.error), m.error, -order.index(m.name)))
    )


def _class(scv: float) -> str:
    if scv == 1:
        return "1"
    return "below 1" if scv < 1 else "1 to 4" if scv <= 4 else "above 4"


@checked
def best(*, arrival_scv: float, service_scv: float, servers: int, load: float) -> Method:
    """Return the approximation of the mean wait that is most accurate at a point.

    Parameters
    ----------
    arrival_scv : float
        Squared coefficient of variation of the interarrival times, >= 0. [-]
    service_scv : float
        Squared coefficient of variation of the service time, >= 0. [-]
    servers : int
        Number of servers, >= 1. [-]
    load : float
        Utilization, >= 0 and below 1. [-]

    Returns
    -------
    Method
        The first of `methods`.

    Raises
    ------
    DomainError
        If an argument is outside its domain; the message names it and the value.

    Examples
    --------
    >>> best(arrival_scv=0.5, service_scv=2.0, servers=4, load=0.8).name
    'combined'
    """
    return methods(
        arrival_scv=arrival_scv, service_scv=service_scv, servers=servers, load=load
    )[0]
