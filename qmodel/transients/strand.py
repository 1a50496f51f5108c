"""One way that the servers of a station went, as it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from qmodel.transients.walk import Walk

__all__ = ["Part", "Strand", "served_from"]


@dataclass(slots=True, eq=False)
class Strand:
    """A way that the servers went (`qmodel.transients.ways`), as it is looked at.

    Parameters
    ----------
    name : tuple of float
        The decisions that led to it. [-]
    weights : array of shape (t,)
        Its probability at each time, 0 where it is none. [-]
    seen : array of shape (t, n)
        The probabilities of the numbers present, on this way. [-]
    ready : array of shape (t,)
        The servers. [-]
    changes : list of (float, float)
        When the servers changed, and to how many. [-]
    ahead : list of (float, float)
        The changes that are decided and have not come at the last time. [-]
    into : tuple of float, optional
        The way that it became a part of. [-]
    finds : array of shape (t, n), optional
        The probabilities of the numbers that those who come find, if others than `seen`. [-]
    moments : dict of int to array of shape (j, n)
        Those of the station before it, by the places of the times at which there are some. [-]
    """

    name: tuple[float, ...]
    weights: np.ndarray
    seen: np.ndarray
    ready: np.ndarray
    changes: list[tuple[float, float]] = field(default_factory=list)
    ahead: list[tuple[float, float]] = field(default_factory=list)
    into: tuple[float, ...] | None = None
    finds: np.ndarray | None = None
    moments: dict[int, np.ndarray] = field(default_factory=dict)


class Part(NamedTuple):
    """A strand where it is one: most are of a few of the times only."""

    strand: Strand
    at: np.ndarray
    """The places of the times at which it is one [-]."""
    p: np.ndarray
    """The probabilities that it is this one, with each of the numbers present [-]."""

    @property
    def finding(self) -> np.ndarray:
        """The probabilities that it is this one, and those who come find each number [-]."""
        finds = self.strand.finds
        weights = self.strand.weights[self.at, None]
        return self.p if finds is None else np.asarray(finds[self.at] * weights)

    def by_servers(self) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
        """Yield each number of servers, the places of the times with it, and `p` there."""
        ready = self.strand.ready[self.at]
        for servers in np.unique(ready):
            here = ready == servers
            yield float(servers), self.at[here], self.p if here.all() else self.p[here]


def served_from(time: float, changes: Sequence[tuple[float, float]], walk: Walk) -> Any:
    """Return the function from services after a time to what they take, and the last pace."""
    starts, ready = np.array(changes, dtype=float).T
    speeds = walk.completions(ready, ready)
    first = max(int(np.searchsorted(starts, time, side="right")) - 1, 0)
    edges = np.concatenate([[time], starts[first + 1 :]])
    pace = speeds[first:]
    done = np.concatenate([[0.0], np.cumsum(np.diff(edges) * pace[:-1])])
    # Beyond the last change; servers that never come back are never done.
    last = pace[-1]

    def needed(services: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inside = np.interp(services, done, edges - time)
        more = services - done[-1]
        beyond = edges[-1] - time + more / last if last > 0 else np.inf
        takes = np.where(more > 0, beyond, inside)
        place = np.searchsorted(edges - time, takes, side="right") - 1
        return takes, np.where(np.isfinite(takes), pace[np.clip(place, 0, len(pace) - 1)], 0.0)

    return needed
