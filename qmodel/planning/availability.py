r"""Availability of a pipeline: the share of its requests that are answered.

Given the fraction of time that each station is up, the share of the requests that get an
answer, over the whole tree of calls: all of what is in series, some of what is in parallel,
what a cache answers without the rest. From it, for each station,

.. math:: \text{gain}_i = A(A_i = 1) - A ,

which is what a station that never failed would add, the improvement potential of
reliability engineering [1]_. It says where redundancy pays first.

Exact for stations that fail independently of each other, and for less time than would
matter to a request: a common cause (one power feed, one bad release) is not in it. What
one station needs of its servers is `qmodel.balancing.k_of_n`.

References
----------
.. [1] M. Rausand, A. Hoyland, "System Reliability Theory", 2nd ed., Wiley, 2004, sec. 5.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._frames import frame_of, joined
from qmodel._typing import Value
from qmodel._xp import is_symbolic
from qmodel.basis import Assumption, Basis
from qmodel.errors import ModelError
from qmodel.pipeline import Pipeline
from qmodel.pipeline.availability import Answering
from qmodel.planning._outages import hit_ratios, over_kinds, stations_among, whole
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AvailabilityResult", "availability"]

INDEPENDENT_FAILURES = Assumption(
    "independent-failures",
    "stations fail independently of each other; a cause that takes several down at once "
    "makes what is in series more available, and redundancy worth less, than this says",
    "Barlow and Proschan 1975, ch. 2",
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class AvailabilityResult:
    """How available a pipeline is, and through which stations it is not more.

    Parameters
    ----------
    available : number or array
        Share of the requests that are answered. [-]
    kinds : mapping of str to number or array
        The same for each kind of request. [-]
    gains : mapping of str to number or array
        What `available` would gain if a station never failed, greatest first. [-]
    single_points : tuple of str
        Stations without which no request is answered. [-]
    basis : Basis
        What `available` rests on. [-]
    """

    available: Value
    kinds: Mapping[str, Value]
    gains: Mapping[str, Value]
    single_points: tuple[str, ...]
    basis: Basis

    @property
    def unavailable(self) -> Value:
        """Share of the requests that are not answered. [-]."""
        return 1 - self.available

    def to_frame(self) -> pd.DataFrame:
        """Return the gain of each station, and whether all requests need it.

        Returns
        -------
        pandas.DataFrame
            `station`, `gain` and `single_point`, one row for each station and cell. [-]
        """
        _check.numbers("a frame", *self.gains.values())
        frames = [
            frame_of({"gain": np.asarray(gain, dtype=float)}, station=name)
            for name, gain in self.gains.items()
        ]
        table = joined(frames)
        if frames:
            table["single_point"] = table["station"].isin(self.single_points)
        return table

    def __str__(self) -> str:
        """Return the answer in one line, where there is one scenario."""
        if np.ndim(self.available) or is_symbolic(self.available):
            return f"AvailabilityResult of {', '.join(self.gains) or 'nothing that fails'}"
        # As many digits as there are nines, and two more.
        lost = float(self.unavailable)
        if np.isnan(lost):
            return "the share of the requests that are answered is unknown (NaN)"
        digits = 5 if lost <= 0 else int(np.clip(3 - np.log10(lost), 3, 15))
        answer = (
            f"{text(float(self.available), '%', digits=digits)} of the requests are answered"
        )
        if self.gains:
            worst, gain = next(iter(self.gains.items()))
            answer += f"; {worst} costs most, {text(float(gain), '%', digits=2)}"
        alone = ", ".join(self.single_points)
        return f"{answer}; single points of failure: {alone}" if alone else answer

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"


@checked
def availability(
    pipeline: Pipeline,
    up: Mapping[str, Value],
    *,
    spared: Iterable[str] = (),
    arrival_rate: Value | None = None,
) -> AvailabilityResult:
    """Return the share of the requests that are answered while stations fail and recover.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline. [-]
    up : mapping of str to number or array
        Fraction of time that each station is up, 1 for those not named; for each copy of
        a fan-out, which fail by themselves. [-]
    spared : iterable of str, default ()
        Stations that a request can do without: it goes on as if they had answered, and
        the look-up in a cache is a miss. [-]
    arrival_rate : number or array, optional
        The load; needed only for a modelled cache that answers more under more load. [1/s]

    Returns
    -------
    AvailabilityResult
        The share, of all requests and by kind; what each station costs; and the single
        points of failure.

    Raises
    ------
    DomainError
        If a share is outside 0 to 1, or `arrival_rate` is negative.
    ModelError
        If there is no such station, `up` is no mapping, or the load of a cache is missing.

    Examples
    --------
    A cache that answers 86 % of the reads keeps most of them from the database's outages:

    >>> import qmodel as qm
    >>> web, cache, db = (qm.call(n, qm.MMc(0.001, 4)) for n in ("web", "cache", "db"))
    >>> site = qm.Pipeline(qm.series(web, qm.cached(0.86, lookup=cache, miss=db)))
    >>> up = {"web": 0.9999, "cache": 0.999, "db": 0.999}
    >>> print(availability(site, up))
    99.876 % of the requests are answered; cache costs most, 0.1 %; single points of failure:
    web, cache

    Where a cache that is down is a miss:

    >>> r = availability(site, up, spared=["cache"])
    >>> float(r.unavailable), r.single_points
    (0.0002, ('web',))

    Ten calls in series at three nines each, and two of three copies:

    >>> calls = [qm.call(f"s{i}", qm.MMc(0.001)) for i in range(10)]
    >>> three = dict.fromkeys((f"s{i}" for i in range(10)), 0.999)
    >>> float(availability(qm.Pipeline(qm.series(*calls)), three).available)
    0.9900
    >>> copies = qm.Pipeline(qm.fan_out("quorum", 3, calls[0], need=2))
    >>> float(availability(copies, {"s0": 0.999}).unavailable)
    3e-06
    """
    _check.instance("pipeline", pipeline, Pipeline)
    if not isinstance(up, Mapping):
        raise ModelError(f"up must map stations to shares of the time, got {up!r}")
    stations_among(pipeline, up)
    probabilities = {name: _check.probability(f"up of {name!r}", a) for name, a in up.items()}
    without, hits = stations_among(pipeline, spared), hit_ratios(pipeline, arrival_rate)

    def answered(reading: Answering) -> tuple[Any, dict[str, Any]]:
        by_kind = {kind: reading.share(root) for kind, (_, root) in pipeline.kinds.items()}
        return over_kinds(pipeline, by_kind), by_kind

    total, kinds = answered(Answering(probabilities, hits, without))
    gains = {
        name: answered(Answering({**probabilities, name: 1.0}, hits, without))[0] - total
        for name in probabilities
    }
    if not is_symbolic(total, *gains.values()):
        gains = dict(sorted(gains.items(), key=lambda item: -float(np.max(item[1]))))
    alone = (
        name
        for name in pipeline.stations
        if whole(1 - answered(Answering({name: 0.0}, hits, without, "one copy"))[0])
    )
    return AvailabilityResult(
        available=total,
        kinds=kinds,
        gains=gains,
        single_points=tuple(alone),
        basis=Basis({"available": (INDEPENDENT_FAILURES,)}),
    )
