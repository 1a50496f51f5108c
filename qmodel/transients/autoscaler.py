r"""An autoscaler, as that of Kubernetes: pods follow the utilization, late.

Every `period` it compares the utilization, averaged over a `window`, with the target,

.. math:: \text{pods wanted} = \lceil \text{pods} \cdot u / u^* \rceil ,

at most `growth` times as many as there are, and what it starts is ready after `boot`. It takes
pods away when fewer were wanted for as long as `stabilisation`. While all are busy u is 1, so
the pods can grow by no more than 1 / target within a boot time, whatever comes.

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

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model, parameter
from qmodel._typing import Value
from qmodel.errors import DomainError

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


@dataclass(slots=True, eq=False)
class Running:
    """An autoscaler at work."""

    rules: Autoscaler
    ready: float
    start: float
    _due: float = field(init=False)
    _coming: deque[tuple[float, float]] = field(init=False, default_factory=deque)
    _seen: deque[tuple[float, float, float]] = field(init=False, default_factory=deque)
    _wanted: deque[tuple[float, float]] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self._due = self.start + self.rules.period

    def servers(self, time: float) -> float:
        """Return the servers that are ready at a time [-]."""
        while self._coming and self._coming[0][0] <= time:
            self.ready += self._coming.popleft()[1]
        return self.ready

    def next_change(self, time: float) -> float:
        """Return when it decides next, or a pod is ready [s]."""
        boots = self._coming[0][0] if self._coming else np.inf
        return min(self._due, boots)

    def observe(self, time: float, busy: float) -> None:
        """Take note of the busy servers, and decide when it is time."""
        rules = self.rules
        before = self._seen[-1][0] if self._seen else self.start
        used = min(busy / self.ready, 1.0) if self.ready else 1.0
        self._seen.append((time, time - before, used))
        while self._seen[0][0] <= time - rules.window:
            self._seen.popleft()
        if time < self._due * (1 - 1e-12):
            return
        self._due += rules.period
        self.servers(time)  # Pods that are ready now count, and are busy like the others.
        long = sum(length for _, length, _ in self._seen)
        mean = sum(length * u for _, length, u in self._seen) / long if long else used
        pods = self.ready / rules.pod
        wanted = float(np.ceil(round(pods * mean / rules.target, 9)))
        wanted = min(max(wanted, rules.least), rules.most, np.ceil(pods * rules.growth))
        started = (self.ready + sum(more for _, more in self._coming)) / rules.pod
        if wanted > started:
            self._coming.append((time + rules.boot, (wanted - started) * rules.pod))
        self._wanted.append((time, wanted))
        while self._wanted[0][0] < time - rules.stabilisation:
            self._wanted.popleft()
        enough = max(want for _, want in self._wanted)
        if time - self.start >= rules.stabilisation and enough < pods and not self._coming:
            self.ready = max(enough, rules.least) * rules.pod


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
