"""The blast radius: which requests fail while one station is down.

One row for each station, with what its outage does to the requests that come meanwhile:

==================  ==================================================================
``failing``         share of them that fail
``saved``           share that would meet the station, and are answered all the same: by
                    another copy, another attempt, or because the station is spared
``failing.<kind>``  share of the requests of each kind that fail, where there are several
==================  ==================================================================

A station that fails all requests is a single point of failure. All of the station is down,
not one of its servers; of a fan-out, whose copies have stations of their own, one copy. What
an outage does to the load of the others is another question, for `Pipeline.replace`.

Exact, as nothing is random in it but the requests (`qmodel.pipeline.availability`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import ModelError
from qmodel.pipeline import Pipeline
from qmodel.pipeline.availability import Answering
from qmodel.planning._outages import hit_ratios, over_kinds, stations_among

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["blast_radius"]


@checked
def blast_radius(
    pipeline: Pipeline,
    *,
    spared: Iterable[str] = (),
    arrival_rate: float | None = None,
) -> pd.DataFrame:
    """Return for each station which share of the requests fails while it is down.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline, without arrays of its own. [-]
    spared : iterable of str, default ()
        Stations that a request can do without: it goes on as if they had answered, and
        the look-up in a cache is a miss. [-]
    arrival_rate : float, optional
        The load; needed only for a modelled cache that answers more under more load. [1/s]

    Returns
    -------
    pandas.DataFrame
        `station`, `failing`, `saved`, and ``failing.<kind>`` where there are several
        kinds; the worst first. ``attrs["units"]`` has the units. [-]

    Raises
    ------
    DomainError
        If `arrival_rate` is negative.
    ModelError
        If the pipeline has arrays of its own, there is no such station, or the load of a
        cache is missing.

    Examples
    --------
    A tenth of the requests are orders, for which no advice is asked. Pages do without it:

    >>> import qmodel as qm
    >>> front, shop, advice = (
    ...     qm.call(name, qm.MMc(0.005, servers=8)) for name in ("front", "shop", "advice")
    ... )
    >>> page, order = qm.series(front, qm.parallel(shop, advice)), qm.series(front, shop)
    >>> site = qm.Pipeline({"page": (0.9, page), "order": (0.1, order)})
    >>> blast_radius(site)
      station  failing  saved  failing.page  failing.order
    0   front      1.0    0.0           1.0            1.0
    1    shop      1.0    0.0           1.0            1.0
    2  advice      0.9    0.0           1.0            0.0
    >>> blast_radius(site, spared=["advice"])[["failing", "saved"]].values[2].tolist()
    [0.0, 0.9]
    """
    import pandas as pd

    _check.instance("pipeline", pipeline, Pipeline)
    without, hits = stations_among(pipeline, spared), hit_ratios(pipeline, arrival_rate)

    def failing(station: str, *, fragile: bool = False) -> dict[str, Any]:
        outage = Answering({station: 0.0}, hits, without, "one copy", fragile)
        return {kind: 1.0 - outage.share(root) for kind, (_, root) in pipeline.kinds.items()}

    rows: list[dict[str, Any]] = []
    for station in pipeline.stations:
        lost, met = failing(station), failing(station, fragile=True)
        total = over_kinds(pipeline, lost)
        row = {"station": station, "failing": total, "saved": over_kinds(pipeline, met) - total}
        if len(lost) > 1:
            row |= {f"failing.{kind}": share for kind, share in lost.items()}
        rows.append(row)
    if any(np.ndim(value) for row in rows for value in row.values()):
        raise ModelError("the pipeline has arrays of its own: take one scenario at a time")
    _check.numbers("a blast radius", *(v for row in rows for v in row.values()))
    columns = ["station", "failing", "saved"]
    table = pd.DataFrame(rows, columns=list(rows[0]) if rows else columns)
    numbers = [name for name in table if name != "station"]
    table[numbers] = table[numbers].astype(float).round(15) + 0.0
    table = table.sort_values("failing", ascending=False, kind="stable", ignore_index=True)
    table.attrs["units"] = dict.fromkeys(numbers, "-")
    return table
