"""The blast radius: which requests fail while one station is down.

One row for each station, with what its outage does to the requests that come meanwhile:

================  =====================================================================
``failing``       share of them that fail
``saved``         share that would meet the station, and are answered all the same: by a
                  cache, a second copy, another attempt, or without it (`spared`)
``failing.kind``  share of the requests of each kind that fail, where there are several
================  =====================================================================

A station that fails all requests (``failing`` of 1) is a single point of failure. A cache
that is down is a miss, an attempt fails where its station is down, and of a fan-out one
copy is lost. The share is that of `qmodel.pipeline.answering`, with the station down for
certain; what an outage does to the load of the others is another question, for
`Pipeline.replace`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel import _check
from qmodel._typing import Value
from qmodel.distributions.cells import shape_of
from qmodel.errors import ModelError
from qmodel.glossary import units_of
from qmodel.pipeline.answering import Answering
from qmodel.pipeline.model import Pipeline
from qmodel.pipeline.nodes import Stored
from qmodel.planning._results import near

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["blast_radius"]


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
        Stations that a request can do without: it goes on as if they had answered. [-]
    arrival_rate : float, optional
        The load; needed only where a modelled cache answers more under more load. [1/s]

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
    >>> import qmodel as qm
    >>> shop = qm.web.Service("shop", 0.005, servers=8)
    >>> advice = qm.web.Service("advice", 0.005, servers=8)
    >>> page = qm.web.Service("page", 0.004, servers=8, calls=[advice, shop])
    >>> site = qm.Pipeline(
    ...     {
    ...         "page": (0.9, qm.web.microservices(page)),
    ...         "order": (0.1, qm.web.microservices(shop, name="order hop")),
    ...     }
    ... )
    """
    _check.instance("pipeline", pipeline, Pipeline)
    raise NotImplementedError
