"""What the approximate waits of GI/G/c rest on, with the errors that were measured."""

from __future__ import annotations

from math import ceil

from qmodel.basis import APPROXIMATE, Assumption
from qmodel.queues.approximations.ggc_errors import ERRORS
from qmodel.queues.approximations.measured import measured
from qmodel.queues.approximations.renewal_errors import WORST

__all__ = ["COMBINED", "CONDITIONAL_WAIT", "RENEWAL_STATES", "errors_behind"]


def errors_behind(ground: str, *quantities: str) -> str:
    """Return what a statement says of a class of points, and of it with Pareto service.

    Parameters
    ----------
    ground : str
        Class of points in the table of errors. [-]
    *quantities : str
        Quantities that are stated. [-]

    Returns
    -------
    str
        The largest errors, and the largest of their medians. [-]
    """
    parts = []
    for kind in ("", ", Pareto"):
        # Of none while the table is made anew.
        median = WORST.get(f"{ground}{kind}, median", {})
        most = max((median[q] for q in quantities if q in median), default=0)
        largest = measured(WORST.get(f"{ground}{kind}", {}), quantities)
        parts.append(f"{largest}, in the median at most {most} %")
    return "; of service with a tail of Pareto: ".join(parts)


def _of_phases(servers: str) -> int:
    """Return the largest error of the mean wait at a load of 0.8, in percent."""
    found = [e["combined"][1] for (of, _, c), e in ERRORS.items() if c == servers and of != "1"]
    return ceil(100 * max(found))


COMBINED = Assumption(
    "corrected-renewal-wait",
    "the mean wait is that of GI/M/c, corrected; of Erlang and hyperexponential service at "
    f"80 % load within {_of_phases('1')} % on one server and {_of_phases('2 to 6')} % on up to "
    "six; measured errors of service that few phases imitate badly, at points drawn at random: "
    f"{errors_behind('corrected GI/M/c', 'mean')}",
    "Takács 1962; Kimura 1986; Kraemer and Langenbach-Belz 1976",
    APPROXIMATE,
)
CONDITIONAL_WAIT = Assumption(
    "two-exponential-renewal-wait",
    "the wait has the probability of GI/M/c, corrected, two moments and the exact rate of "
    "decay; measured errors of service that few phases imitate badly, at points drawn at "
    f"random: {errors_behind('corrected GI/M/c', 'probability', 'p50', 'p95', 'p99', 'p999')}",
    "Whitt 1993; Neuts and Takahashi 1981",
    APPROXIMATE,
)
RENEWAL_STATES = Assumption(
    "renewal-states",
    "the number has the states of GI/M/c below the servers, and above them those of the "
    "arrivals in the approximate wait; at 50 % load and more P(N > n) is within 0.05, for SCVs "
    "from 0.25 to 4 and up to 15 servers",
    "Takács 1962; Haji and Newell 1971",
    APPROXIMATE,
)
