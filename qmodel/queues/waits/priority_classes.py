"""Streams in order of priority: what each finds of the server, and together are.

What the classes above leave of a server is its spare share; a class in overload takes all of
it in place of its own load, and those below are left nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from qmodel._xp import namespace
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.numerics.spare_capacity import spare_servers
from qmodel.queues.base import Stream
from qmodel.queues.streams import mixed_service

__all__: list[str] = []


def in_order(streams: Sequence[Stream]) -> Sequence[Stream]:
    """Return the streams, refusing what says of itself that it comes in another order."""
    said = [s.priority for s in streams if s.priority is not None]
    if said != sorted(said):
        raise ModelError(f"streams must be in order of priority, 0 first, got {said}")
    return streams


def waiting(work: Any, before: Any, after: Any) -> Any:
    """Return the mean wait for `work`, with the spare server before and after the class."""
    xp = namespace(work, before, after)
    if not xp.symbolic:
        before, after = np.asarray(before), np.asarray(after)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return xp.guard(work / (before * after), after <= 0, xp.inf)


def stretched(s: Any, before: Any) -> Any:
    """Return how long a service takes with its interruptions, on average."""
    xp = namespace(s, before)
    before = before if xp.symbolic else np.asarray(before)
    with xp.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return xp.guard(s / before, before <= 0, xp.inf)


@dataclass(frozen=True, slots=True)
class Class:
    """One class: its stream, the spare server before and after it, and what it is served."""

    rate: Any
    service: Distribution
    before: Any
    after: Any
    served: Any

    @property
    def residual_work(self) -> Any:
        """Mean remaining service that an arrival finds of this class. [s]."""
        s = self.service
        # Without load nobody is found in service, however long it lasts.
        return namespace(self.served, s.scv).weigh(self.served, s.mean * (1 + s.scv) / 2)


def classes_of(rates: Sequence[Any], distributions: Sequence[Distribution]) -> list[Class]:
    """Return the classes of streams in order of priority."""
    found: list[Class] = []
    before: Any = 1
    for rate, distribution in zip(rates, distributions, strict=True):
        xp = namespace(rate, distribution.mean, before)
        after = spare_servers(rate, distribution.mean, before)
        with xp.errstate(invalid="ignore"):
            left = xp.maximum(before, 0)
            # The least of both, but the load itself where nothing is short (and in symbols).
            served = xp.guard(rate * distribution.mean, after < 0, left)
        found.append(Class(rate, distribution, before, after, served))
        before = after
    return found


def one_stream(classes: Sequence[Class]) -> tuple[Any, Distribution]:
    """Return rate and service distribution of several classes together."""
    distributions = [c.service for c in classes]
    rate = reduce(lambda a, b: a + b, (c.rate for c in classes))
    first = distributions[0]
    same = all(distribution == first for distribution in distributions)
    return rate, first if same else mixed_service(distributions, [c.rate for c in classes])
