"""The load balancer: its own small service time, before the pool behind it."""

from __future__ import annotations

from qmodel._typing import Count, Value
from qmodel.pipeline.nodes import Step
from qmodel.pipeline.steps import call
from qmodel.queues.mmc import MMc

__all__ = ["load_balancer"]


def load_balancer(
    service_time: Value, *, workers: Count = 1, name: str = "load balancer"
) -> Step:
    """Pass a request on to the pool behind.

    Parameters
    ----------
    service_time : number or array
        CPU time a request, > 0. [s]
    workers : int or integer array, default 1
        Cores or processes, >= 1. [-]
    name : str, default "load balancer"
        Name of the station. [-]

    Returns
    -------
    Step
        The step. The pool behind is modelled with one central queue, the ideal that
        least-connections balancing comes close to.

    Raises
    ------
    DomainError
        If a parameter is outside its domain.

    Examples
    --------
    >>> import qmodel as qm
    >>> from qmodel.units import us
    >>> float(qm.Pipeline(load_balancer(25 * us, workers=4)).max_rate)
    160000.0
    """
    return call(name, MMc(service_time, workers))
