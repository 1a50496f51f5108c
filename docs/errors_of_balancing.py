"""Measures the approximate policies of balancing against simulations.

    python docs/errors_of_balancing.py

writes docs/reference/errors-of-balancing.md, in about seven minutes. The simulations are those
of tests/oracle/balancing_simulator.py, of exponential service.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import qmodel as qm
from qmodel.balancing.join_idle import JoinIdleQueue
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.power_of_d import PowerOfChoices

ROOT = Path(__file__).parents[1]

LOADS = (0.5, 0.8, 0.95)
SIZES = ((2, 1), (5, 1), (20, 1), (100, 1), (5, 4), (20, 4))
"""Replicas, and the workers of each."""

REQUESTS = 2e6

Policy = tuple[Callable[[ModuleType], Any], Callable[[Any, int], Any], int]
POLICIES: dict[str, Policy] = {
    "least connections": (lambda sim: sim.least, LeastConnections, 2),
    "two choices": (lambda sim: sim.shortest(2), PowerOfChoices, 3),
    "three choices": (lambda sim: sim.shortest(3), lambda r, n: PowerOfChoices(r, n, 3), 5),
    "idle queue": (lambda sim: sim.idle, JoinIdleQueue, 2),
}
"""The policy as the simulator and as the library has it, and the least replicas."""


def simulator() -> ModuleType:
    """Return the simulator, which is no part of the package."""
    path = ROOT / "tests" / "oracle" / "balancing_simulator.py"
    spec = importlib.util.spec_from_file_location("oracle_balancing", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def chains(replicas: int, workers: int, load: float) -> int:
    """Return a number of chains that lets each forget how it began."""
    # Replicas of one queue forget in 1 / (1 - load)^2 services; many forget sooner.
    services = 40 / (1 - load) ** 2 / (1 + replicas * (1 - load)) + 60
    most = REQUESTS / (services * replicas * workers)
    return max(20, 20 * int(most / 20))


def rows() -> Iterator[str]:
    """Yield the rows of the table."""
    sim = simulator()
    for name, (policy, pool, least) in POLICIES.items():
        for replicas, workers in SIZES:
            if replicas < least:
                continue
            for load in LOADS:
                found = sim.simulate(
                    policy(sim),
                    replicas,
                    workers,
                    load,
                    requests=REQUESTS,
                    seed=1,
                    chains=chains(replicas, workers, load),
                )
                r = pool(qm.MMc(1.0, workers), replicas).solve(load * replicas * workers)
                (wait, half), (probability, _) = found.wait(), found.probability()
                p99, width = found.quantile(0.99)
                cells = [
                    name,
                    str(replicas),
                    str(workers),
                    f"{load:g}",
                    f"{1 + wait:.3f} ± {half:.3f}",
                    f"{100 * (float(r.response_time) / (1 + wait) - 1):+.1f}",
                    f"{p99:.2f} ± {width:.2f}",
                    f"{100 * (float(r.response.quantile(0.99)) / p99 - 1):+.1f}",
                    f"{probability:.3f}",
                    f"{float(r.wait.tail(0.0)) - probability:+.3f}",
                ]
                yield f"| {' | '.join(cells)} |"


HEAD = f"""# Errors of the policies of balancing

Least connections, the power of choices and join idle queue are approximate. Here they are held
against simulations of {REQUESTS / 1e6:g} million requests each, with exponential service: the
mean response and its 99 % percentile, in mean service times, with the half width of an interval
of 99.98 %, and the probability of a wait. Errors of times are in percent, of the probability
absolute; positive is too long. Errors within the width are none. The assumptions state the
errors found on more points, with 10 million requests and more, out to a thousand replicas of 32
workers.

Written by `python docs/errors_of_balancing.py`.

| policy | replicas | workers | load | mean | error | p99 | error | probability | error |
|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Write the page."""
    path = ROOT / "docs" / "reference" / "errors-of-balancing.md"
    path.write_text(HEAD + "\n".join(rows()) + "\n")


if __name__ == "__main__":
    main()
