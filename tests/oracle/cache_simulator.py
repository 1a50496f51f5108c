"""Caches replayed request by request, many alike at once.

A run is a row: each has its own requests, and all take their step together, so that the loop
over the requests is one over arrays. Time is counted in requests, which come in a Poisson
stream of rate 1 where a policy looks at the clock. LRU without more needs no cache at all: a
request hits if fewer other objects than fit were asked for since the last request for its
object (Mattson et al. 1970), so one pass gives the hits of every size.

`test_caches_against_requests.py` loads this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

ABSENT = -1


def requests(shares: Any, count: int, runs: int, seed: int) -> np.ndarray:
    """Return which object each request asks for, one run a row."""
    rng = np.random.default_rng(seed)
    edges = np.cumsum(shares)
    drawn = np.searchsorted(edges, rng.random((runs, count)) * edges[-1], side="right")
    return np.minimum(drawn, len(edges) - 1)


def distinct_since(asked: np.ndarray) -> np.ndarray:
    """Return how many objects were asked for since the last request for the same one.

    The first request for an object has the number of all requests. The number of distinct
    objects in between is that of the requests in between that are the last for their object
    until now: positions p < i with next(p) >= i. It is the number of requests in between,
    less the pairs (p, next(p)) that lie within, which a merge sort counts.
    """
    count = asked.size
    order = np.argsort(asked, kind="stable")
    same = asked[order][1:] == asked[order][:-1]
    last = np.full(count, -1)
    last[order[1:][same]] = order[:-1][same]
    again = np.flatnonzero(last >= 0)
    # Pairs in order of their end: those before with a later start lie within.
    within = later_before(last[again])
    found = np.full(count, count)
    found[again] = again - last[again] - 1 - within
    return found


def later_before(values: np.ndarray) -> np.ndarray:
    """Return for each of some different values how many before it are larger."""
    count = values.size
    found = np.zeros(count, dtype=np.int64)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(values)] = np.arange(count)
    width = 1
    positions = np.arange(count)
    while width < count:
        # Within blocks of twice the width, in order of rank: the larger ones of the left half.
        block = positions // (2 * width)
        order = np.lexsort((rank, block))
        left = (order // width) % 2 == 0
        so_far = np.cumsum(left)
        ends = np.minimum((block[order] + 1) * 2 * width, count) - 1
        # Blocks are contiguous in the order, and end where they end in the array.
        found[order] += np.where(left, 0, so_far[ends] - so_far)
        width *= 2
    return found


def lru_hit_ratios(shares: Any, capacities: Any, count: int, warm: int, seed: int) -> Any:
    """Return the hit ratio of LRU for each capacity, from one stream of requests."""
    distance = distinct_since(requests(shares, count + warm, 1, seed)[0])[warm:]
    return np.array([(distance < c).mean() for c in np.ravel(capacities)])


@dataclass
class Policy:
    """What happens at a hit and at a miss; the keys say who is evicted, the least first."""

    kind: str
    """lru, fifo, random or clock."""

    admitted: float = 1.0
    known: int = 0
    """Identifiers of the list in front (2-LRU); none if 0."""

    ttl: float = np.inf
    renewing: bool = False


def simulate(
    shares: Any, capacity: int, policy: Policy, *, count: int, warm: int, runs: int, seed: int
) -> tuple[float, float]:
    """Return the mean hit ratio of the runs, and its standard error."""
    objects = len(shares)
    asked = requests(shares, count + warm, runs, seed)
    rng = np.random.default_rng(seed + 1)
    row = np.arange(runs)
    content = np.full((runs, capacity), ABSENT)
    place = np.full((runs, objects), ABSENT)
    key = np.tile(np.arange(capacity) - float(capacity), (runs, 1))
    touched = np.zeros((runs, capacity), dtype=bool)
    hand = np.zeros(runs, dtype=int)
    born = np.full((runs, objects), -np.inf)
    names = np.full((runs, max(policy.known, 1)), ABSENT)
    named = np.full((runs, max(policy.known, 1)), -np.inf)
    now = np.zeros(runs)
    hits = np.zeros(runs)
    for step in range(count + warm):
        wanted = asked[:, step]
        now = now + rng.exponential(size=runs) if np.isfinite(policy.ttl) else now + 1.0
        at = place[row, wanted]
        there = at >= 0
        alive = there & (now - born[row, wanted] < policy.ttl)
        hits += alive if step >= warm else 0.0
        renewed = ~alive | policy.renewing
        born[row[renewed], wanted[renewed]] = now[renewed]
        if policy.kind == "lru":
            key[row[there], at[there]] = now[there]
        touched[row[there], at[there]] = True
        enters = ~there
        if policy.admitted < 1:
            enters &= rng.random(runs) < policy.admitted
        if policy.known:
            listed = (names == wanted[:, None]).any(axis=1)
            enters &= listed
            slot = np.where(
                listed, (names == wanted[:, None]).argmax(axis=1), named.argmin(axis=1)
            )
            names[row, slot], named[row, slot] = wanted, now
        rows = row[enters]
        if not rows.size:
            continue
        if policy.kind == "random":
            empty = content[rows] == ABSENT
            victim = np.where(
                empty.any(axis=1), empty.argmax(axis=1), rng.integers(capacity, size=rows.size)
            )
        elif policy.kind == "clock":
            moving = rows[touched[rows, hand[rows]]]
            while moving.size:
                touched[moving, hand[moving]] = False
                hand[moving] = (hand[moving] + 1) % capacity
                moving = moving[touched[moving, hand[moving]]]
            victim = hand[rows].copy()
            hand[rows] = (hand[rows] + 1) % capacity
        else:
            victim = key[rows].argmin(axis=1)
        gone = content[rows, victim]
        place[rows[gone >= 0], gone[gone >= 0]] = ABSENT
        content[rows, victim] = wanted[enters]
        place[rows, wanted[enters]] = victim
        key[rows, victim], touched[rows, victim] = now[rows], False
    ratio = hits / count
    return float(ratio.mean()), float(ratio.std(ddof=1) / np.sqrt(runs))
