"""Users of a routed network: the classes that their requests take on, and their visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qmodel.errors import ModelError
from qmodel.loads import Closed
from qmodel.networks.traffic import check_exits, fundamental, leaves, stationary

__all__ = ["Kind", "Rows", "kinds_of", "some"]

Rows = list[list[Any]]


def some(p: Any) -> bool:
    """Return whether a probability is not 0 in all cells."""
    return bool(np.any(np.asarray(p, dtype=float) > 1e-12))


class Kind:
    """Users who begin as one class, with all classes that their requests take on."""

    def __init__(
        self, name: str, load: Closed, members: list[int], entry: int, rows: Rows
    ) -> None:
        self.name, self.load, self.members = name, load, members
        inside = [[rows[i][j] for j in members] for i in members]
        at = members.index(entry)
        self.entry, self.out = entry, dict(zip(members, leaves(inside), strict=True))
        self.endless = not any(some(p) for p in self.out.values())
        visits = (
            stationary(inside, at)
            if self.endless
            else [fundamental(inside)[..., at, j] for j in range(len(members))]
        )
        self.visits = dict(zip(members, visits, strict=True))


def kinds_of(
    stops: Sequence[tuple[str, str]], rows: Rows, loads: Mapping[str, Closed], entry: Any
) -> list[Kind]:
    """Return the kinds of users, each with its classes; they must not share any."""
    names = list(dict.fromkeys(c for c, _ in stops))
    known = ", ".join(names)
    if names == [""]:
        if len(loads) != 1:
            raise ModelError(f"one class of routing takes one kind of users, got {len(loads)}")
        begins = {next(iter(loads)): ""}
    else:
        begins = {name: name for name in loads}
    size = len(stops)
    linked = {c: {c} for c in names}
    for i in range(size):
        for j in range(size):
            if some(rows[i][j]):
                both = linked[stops[i][0]] | linked[stops[j][0]]
                linked |= dict.fromkeys(both, both)
    found: list[Kind] = []
    for name, load in loads.items():
        c = begins[name]
        if c not in linked:
            raise ModelError(f"no class {c!r}; there are {known}")
        if any(stops[i][0] in linked[c] for kind in found for i in kind.members):
            raise ModelError(f"users of {name} and of another class turn into the same class")
        used = [
            i
            for i, (k, _) in enumerate(stops)
            if k in linked[c] and (any(map(some, rows[i])) or any(some(r[i]) for r in rows))
        ]
        used = used or [i for i, (k, _) in enumerate(stops) if k == c][:1]
        place = entry.get(name) if isinstance(entry, Mapping) else entry
        first = [i for i in used if stops[i][0] == c and stops[i][1] == (place or stops[i][1])]
        if not first:
            raise ModelError(f"users of {name} do not visit {place!r}, where they should enter")
        found.append(Kind(name, load, _reached(rows, first[0]), first[0], rows))
        if not found[-1].endless:
            check_exits(stops, rows, [float(i == first[0]) for i in range(size)])
    return found


def _reached(rows: Rows, start: int) -> list[int]:
    """Return the stops that a round from one of them can get to, in their order."""
    found = {start}
    for _ in rows:
        found |= {j for i in found for j, p in enumerate(rows[i]) if some(p)}
    return sorted(found)
