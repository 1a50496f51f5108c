r"""An autoscaler, as that of Kubernetes: pods follow the utilization, late.

Every `period` it compares the utilization, averaged over a `window`, with the target,

.. math:: \text{pods wanted} = \lceil \text{pods} \cdot u / u^* \rceil ,

at most `growth` times as many as there are, and what it starts is ready after `boot`. It takes
pods away when fewer were wanted for as long as `stabilisation`. While all are busy u is 1, so
the pods can grow by no more than 1 / target within a boot time, whatever comes.

What it measures is not the same on all days, nor what it decides (`qmodel.transients.scaling`):
numbers of servers over time are means over them, and backlogs and waits are of all of them.

**No backlog.** A load that grows as :math:`e^{t / \tau}` is followed in time if the target is
at most :math:`e^{-\text{lag} / \tau}`, with the lag of window, period and boot
(`highest_target`).

References
----------
.. [1] Kubernetes documentation, "Horizontal Pod Autoscaling", algorithm details.
.. [2] A. Gandhi, M. Harchol-Balter, R. Raghunathan, M. A. Kozuch, "AutoScale: Dynamic, robust
   capacity management for multi-tier data centers", ACM TOCS 30, 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Value
from qmodel.errors import DomainError
from qmodel.transients.scaling import Running

__all__ = ["Autoscaler", "highest_target"]


def _target(name: str, x: Any) -> Any:
    if not np.all(np.asarray(_check.probability(name, x)) > 0):
        raise DomainError(f"{name} must be above 0 and at most 1, got {x}")
    return x


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Autoscaler(Model):
    """The rules of an autoscaler.

    Parameters
    ----------
    target : float
        Utilization that it aims at, > 0 and <= 1. [-]
    pod : int, default 1
        Servers in a pod. [-]
    least, most : int
        Pods at least and at most. [-]
    period : float, default 15.0
        Time between two decisions. [s]
    window : float, default 60.0
        Time over which the utilization is averaged. [s]
    boot : float, default 90.0
        Time from the decision until a new pod serves. [s]
    stabilisation : float, default 300.0
        How long fewer pods must have been enough before any is taken away. [s]
    growth : float, default 2.0
        How many times as many pods one decision may ask for. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Examples
    --------
    >>> rules = Autoscaler(target=0.7, pod=4, least=2, most=50)
    >>> float(rules.target), float(rules.boot)
    (0.7, 90.0)
    """

    target: float = parameter("target utilization", check=_target)
    pod: int = parameter("servers in a pod", check=_check.count, default=1)
    least: int = parameter("pods at least", check=_check.count, default=1)
    most: int = parameter("pods at most", check=_check.count, default=1_000_000)
    period: float = parameter(
        "time between decisions", unit="s", check=_check.positive, default=15.0
    )
    window: float = parameter("time averaged", unit="s", check=_check.positive, default=60.0)
    boot: float = parameter(
        "time until a pod serves", unit="s", check=_check.nonnegative, default=90.0
    )
    stabilisation: float = parameter(
        "time before fewer", unit="s", check=_check.nonnegative, default=300.0
    )
    growth: float = parameter("growth at once", check=_check.at_least(1), default=2.0)

    def begin(self, servers: float, time: float) -> Running:
        """Return the autoscaler at work, from so many servers on."""
        return Running(self, float(servers), float(time))


@checked
def highest_target(growth_time: Value, *, lag: Value) -> Value:
    """Return the highest target with which pods keep up with a load that grows.

    Parameters
    ----------
    growth_time : number or array
        Time in which the load grows by the factor e, > 0. [s]
    lag : number or array
        From a load to the pods for it: metric window, period and boot, >= 0. [s]

    Returns
    -------
    number or array
        The utilization to aim at. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Examples
    --------
    A load that doubles in five minutes, and two minutes of lag:

    >>> float(highest_target(300 / np.log(2), lag=120.0))
    0.7579
    """
    tau = _check.positive("growth_time", growth_time)
    return np.exp(-_check.nonnegative("lag", lag) / tau)
