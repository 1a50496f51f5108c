"""A cache that loses all that it has: when, and what decides how soon it is full again."""

from __future__ import annotations

from dataclasses import dataclass

from qmodel import _check
from qmodel._fields import Model, parameter

__all__ = ["Emptied"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Emptied(Model):
    """When a cache loses all that it has, and how it fills again.

    Parameters
    ----------
    at : float, default 0
        When; before the load begins, what comes until then is as its first rate. [s]
    entries : int, optional
        How many objects fit, of a cache with a given hit ratio; a modelled one knows. [-]
    exponent : float, default 0.9
        Exponent of the Zipf popularity of what is asked for, of a given hit ratio. [-]

    Raises
    ------
    DomainError
        If a number is outside its domain.

    Examples
    --------
    >>> import qmodel as qm
    >>> cache, db = qm.call("cache", qm.MMc(0.0002)), qm.call("db", qm.MMc(0.01, servers=12))
    >>> site = qm.Pipeline(qm.cached(0.9, lookup=cache, miss=db))
    >>> flat = qm.Profile([0.0, 300.0], [2000.0, 2000.0])
    >>> lost = qm.transients.Emptied(at=30.0, entries=20_000)
    >>> print(site.over_time(flat, emptied={"cache": lost}))
    peak of 2000/s after 0 s: db is saturated from 30 s to ...
    """

    at: float = parameter("when it is emptied", unit="s", check=_check.real, default=0.0)
    entries: int | None = parameter("objects that fit", check=_check.count, default=None)
    exponent: float = parameter("Zipf exponent", check=_check.nonnegative, default=0.9)
