"""What the waits of M/G/c and GI/G/c by phases rest on, with the errors that were measured."""

from __future__ import annotations

from qmodel.basis import APPROXIMATE, ASYMPTOTIC, Assumption
from qmodel.queues.approximations.ggc_grounds import errors_behind
from qmodel.queues.approximations.measured import WAITS, measured
from qmodel.queues.approximations.mgc_errors import WORST

__all__ = [
    "BEHIND_RENEWAL",
    "BESIDE_CONSTANT",
    "FITTED_PHASES",
    "FROM_FEWER_SERVERS",
    "TWO_KINDS",
]


def _measured(name: str) -> str:
    # Of none while the table is made anew.
    return measured(WORST.get(name, {}), [q for q in WAITS if q != "probability"])


_OF_WAITS = [q for q in WAITS if q != "response_p99"]
_HARDLY_MORE = (
    "where hardly more requests wait (up to 1.25 times as many) than a percentile of the wait "
    "leaves, it may be further off"
)
FITTED_PHASES = Assumption(
    "fitted-phases",
    "service is imitated by phases that are fitted to its residual; measured errors of "
    f"lognormal and gamma service with an SCV up to 4: {_measured('SCV up to 4')}; "
    f"at an SCV up to 9: {_measured('SCV 9')}; below 1: {_measured('SCV below 1')}; "
    "of Pareto service of shapes 1.3 to 3, bounded at 10 to 10,000 times its least, or of "
    f"lognormal with a share of that: {_measured('bounded Pareto')}; {_HARDLY_MORE}",
    "Feldmann and Whitt 1998; Asmussen and Møller 2001",
    APPROXIMATE,
)
BESIDE_CONSTANT = Assumption(
    "beside-constant-service",
    "service that varies little, or has a least value, is imitated by a blend of phases and "
    "constant service, and the wait by the same blend of both waits; measured errors: "
    f"{_measured('beside constant')}; of one of two times: {_measured('one of two times')}; "
    f"{_HARDLY_MORE}",
    "Kimura 1986; Feldmann and Whitt 1998; our own",
    APPROXIMATE,
)
BEHIND_RENEWAL = Assumption(
    "renewal-phases",
    "service, and times between arrivals where their tail is heavy, are imitated by phases; "
    "measured errors at points drawn at random: "
    f"{errors_behind('fitted phases', *_OF_WAITS)}; {_HARDLY_MORE}",
    "Asmussen and Møller 2001; Feldmann and Whitt 1998; our own",
    APPROXIMATE,
)
TWO_KINDS = Assumption(
    "two-kinds-of-request",
    "service is that of two kinds of request, of which the rare one takes much longer, and is "
    "extrapolated from few phases of each; measured errors of service that takes one of two "
    f"times, and of two lognormal kinds: {_measured('two kinds')}; where just so many wait for "
    "the long kind, a percentile jumps from the one to the other, and may be further off; "
    f"{_HARDLY_MORE}",
    "Asmussen and Møller 2001; our own",
    APPROXIMATE,
)
FROM_FEWER_SERVERS = Assumption(
    "from-fewer-servers",
    "the wait is extrapolated from that of fewer servers with the same spare servers per root "
    "of the servers; where one in 20 waits, the mean and percentiles to p99 are within 1 % of "
    "the solution itself, p99.9 within 6 %; of Pareto service to 10,000 times its least, at "
    "loads at which long requests fill the servers, p99 is within 8 % and p99.9 is not known",
    "Halfin and Whitt 1981",
    ASYMPTOTIC,
)
