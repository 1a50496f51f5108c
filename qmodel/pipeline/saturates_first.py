"""Which station saturates first, and which one inside a pool fills it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

__all__ = ["saturates_first"]

_BEHIND = 1.05
"""By how much more a station inside a pool may sustain that is still said to fill the pool."""


def saturates_first(rates: Mapping[str, Any], held: Mapping[str, Collection[str]]) -> Any:
    """Return the station that saturates first in each cell, "" where none does.

    A pool whose inside saturates at all but the same load is full because of it: then the
    station inside is named, not the pool.

    Parameters
    ----------
    rates : mapping of str to number or array
        The load at which each station saturates. [1/s]
    held : mapping of str to collection of str
        The stations inside each pool. [-]

    Returns
    -------
    str or array of str
        Names.

    Examples
    --------
    >>> rates = {"threads": 240.0, "disk": 250.0}
    >>> saturates_first(rates, {}), saturates_first(rates, {"threads": ["disk"]})
    ('threads', 'disk')
    """
    names = [*rates]
    stacked = np.stack(np.broadcast_arrays(*rates.values()))
    first = np.where(np.isinf(stacked.min(axis=0)), len(names), stacked.argmin(axis=0))
    for _ in held:  # As deep as pools may be in pools.
        for pool, inside in held.items():
            places = [names.index(name) for name in inside]
            if not places:
                continue
            own = stacked[places]
            close = own.min(axis=0) <= _BEHIND * stacked[names.index(pool)]
            there = (first == names.index(pool)) & close
            first = np.where(there, np.array(places)[own.argmin(axis=0)], first)
    found = np.array([*names, ""])[first]
    return found if np.ndim(found) else str(found)
