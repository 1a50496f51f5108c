"""A million jobs in thousands of independent replicas, step by step in vectors.

Every replica starts empty and its first jobs are left out, so the means of replicas are
independent and alike: an honest confidence interval, where batches of one long path are
correlated. Nothing here knows the library.

`one_by_one` follows arrivals through queues in order of arrival; `in_rates` follows the
next event of stations that share, interrupt or choose, whose slots are served at rates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

Z = 4.5
"""Half widths in standard errors: of some thousand true figures none lies outside."""


def exponential(mean: float) -> Draw:
    return lambda rng, shape: rng.exponential(mean, shape)


def gamma(mean: float, scv: float) -> Draw:
    return lambda rng, shape: rng.gamma(1 / scv, mean * scv, shape)


@dataclass(frozen=True)
class Sample:
    """What was seen, one row a replica; times of those that are lost are NaN."""

    wait: Array
    response: Array
    seen: Array | None = None
    """Number present, before each arrival or at some time until the next."""
    weight: Array | None = None
    """The length of time that `seen` stands for."""
    lost: Array | None = None
    left: Array | None = None
    kind: Array | None = None

    def of(self, kind: int) -> Sample:
        """Return the requests of one stream."""
        assert self.kind is not None
        mine = self.kind == kind
        return Sample(*(np.where(mine, x, np.nan) for x in (self.wait, self.response)))


def interval(values: Array, weight: Array | None = None) -> tuple[float, float]:
    """Return the mean of all known values and the half width of its interval.

    A ratio of means of replicas, with the standard error of a ratio.
    """
    known = 1.0 * ~np.isnan(values) if weight is None else weight
    total = np.where(known > 0, values * known, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    mean = total.sum() / count.sum()
    spread = (total - mean * count).std(ddof=1) / (count.mean() * np.sqrt(len(values)))
    return float(mean), float(Z * spread)


def one_by_one(
    rng: np.random.Generator, gaps: Draw, service: Draw, *,
    servers: int = 1, capacity: float = np.inf, patience: Draw | None = None,
    speeds: tuple[float, ...] | None = None,
    blind: Callable[[np.random.Generator, int, int], Array] | None = None,
    away: str = "", absence: Draw | None = None,
    batch: Callable[[np.random.Generator, int], Array] | None = None, threshold: int = 1,
    fewest: bool = False,
    replicas: int = 2000, jobs: int = 800, warm: int = 300, lags: int = 60,
) -> Sample:  # fmt: skip
    """Follow jobs in order of arrival (Kiefer and Wolfowitz), in all replicas at once.

    With `speeds` a job takes a free server at random, or that which `blind` tells it to take
    and wait for, from its number and the number of replicas; `away` says how the one server is
    absent: "vacations", "vacation" or "setup"; `batch` draws how many come at once; an idle
    server begins when `threshold` are there; with `fewest` a job joins the server with fewest.
    """
    free = np.zeros((replicas, servers))
    now = np.zeros(replicas)
    rows = np.arange(replicas)
    speed = np.ones(servers) if speeds is None else np.array(speeds)
    room = int(capacity) - servers if np.isfinite(capacity) else 0
    starts = np.full((replicas, max(room, 1)), -np.inf)  # of the last that were let in
    more = np.zeros(replicas, dtype=int)
    back = np.zeros(replicas)  # when the server is back from its last vacation
    leaving = np.full((replicas, servers, 64), -np.inf)  # of the last jobs at each
    arrivals, departures, waits = (np.empty((jobs, replicas)) for _ in range(3))
    lost, left = (np.zeros((jobs, replicas), dtype=bool) for _ in range(2))
    ahead = gaps(rng, (jobs + threshold - 1, replicas))
    coming = np.cumsum(ahead, axis=0)
    for j in range(jobs):
        gap = ahead[j]
        if batch is None:
            now = now + gap
        else:
            new = more == 0
            now = np.where(new, now + gap, now)
            more = np.where(new, batch(rng, replicas), more) - 1
        need = service(rng, (replicas,))
        idle = free <= now[:, None]
        if fewest:
            present = (leaving > now[:, None, None]).sum(axis=2)
            who = (present + rng.random((replicas, servers))).argmin(axis=1)
        elif blind is not None:
            who = blind(rng, j, replicas)
        elif speeds is None:
            who = free.argmin(axis=1)
        else:
            chosen = np.where(idle, rng.random((replicas, servers)), -1.0).argmax(axis=1)
            who = np.where(idle.any(axis=1), chosen, free.argmin(axis=1))
        ready = free[rows, who]
        if away:
            assert absence is not None
            empty = ready <= now
            if away == "setup":
                ready = np.where(empty, now + absence(rng, (replicas,)), ready)
            elif away == "vacation":
                ready = np.where(empty, ready + absence(rng, (replicas,)), ready)
            else:
                back = np.where(empty, ready, back)
                while (still := empty & (back <= now)).any():
                    back = np.where(still, back + absence(rng, (replicas,)), back)
                ready = np.where(empty, back, ready)
        if threshold > 1:
            ready = np.where(ready <= now, coming[j + threshold - 1], ready)
        start = np.maximum(ready, now)
        if np.isfinite(capacity):
            full = starts[:, 0] > now if room else ~idle.any(axis=1)
            lost[j] = full
        if patience is not None:
            limit = patience(rng, (replicas,))
            left[j] = (start - now > limit) & ~lost[j]
        taken = ~(lost[j] | left[j])
        free[rows, who] = np.where(taken, start + need * speed[who], free[rows, who])
        if fewest:
            leaving[rows, who, j % leaving.shape[2]] = free[rows, who]
        if room:
            pushed = np.concatenate([starts[:, 1:], start[:, None]], axis=1)
            starts = np.where(taken[:, None], pushed, starts)
        arrivals[j] = now
        waits[j] = np.where(taken, start - now, np.nan)
        departures[j] = np.where(taken, start + need * speed[who], -np.inf)
        if patience is not None:
            waits[j] = np.where(left[j], limit, waits[j])
            departures[j] = np.where(left[j], now + limit, departures[j])
    seen = np.zeros((jobs, replicas), dtype=int)
    gap = np.diff(arrivals, axis=0, append=arrivals[-1:])
    at = arrivals + rng.random(gap.shape) * gap  # a time until the next arrival
    for lag in range(min(lags, warm) + 1):
        seen[lag:] += departures[: jobs - lag] > at[lag:]
    response = np.where(lost, np.nan, departures - arrivals)
    kept = (x[warm:].T for x in (waits, response, seen, gap, lost, left))
    return Sample(*kept)


Rates = Callable[[dict[str, Array]], Array]


def in_rates(
    rng: np.random.Generator, rate: float, service: Draw | list[Draw], rates: Rates, *,
    shares: tuple[float, ...] = (1.0,), capacity: int | None = None,
    population: int | None = None, interrupted: bool = False,
    replicas: int = 4000, jobs: int = 400, warm: int = 150, slots: int = 64,
) -> Sample:  # fmt: skip
    """Follow the next event in all replicas: an arrival, or the end of a service.

    `rates` takes the slots (need, left, came, kind, present, began) and returns how fast
    each is served. With `population`, each of those not present asks at `rate`. Who asks when
    `capacity` are taken is lost. A wait is the time until a service begins, or, where it is
    shared or `interrupted`, all the time but the need.
    """
    drawers = service if isinstance(service, list) else [service]
    slots = min(slots, capacity or slots, population or slots)
    shape = (replicas, slots)
    names = ("need", "left", "came", "kind", "number", "start")
    s: dict[str, Array] = {name: np.zeros(shape) for name in names}
    s["present"], s["began"] = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    rows, now = np.arange(replicas), np.zeros(replicas)
    limit = slots if capacity is None else capacity
    following = now + rng.exponential(1 / (rate * (population or 1)), replicas)
    count = np.zeros(replicas, dtype=int)
    total = jobs + 100  # the last ones are not followed to their end
    wait, response = (np.full((replicas, total), np.nan) for _ in range(2))
    seen, kinds = (np.zeros((replicas, total), dtype=int) for _ in range(2))
    lost = np.zeros((replicas, total), dtype=bool)
    while count.min() < total:
        speed = np.where(s["present"], rates(s), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.where(speed > 0, s["left"] / speed, np.inf)
        first = ends.argmin(axis=1)
        soonest = ends[rows, first]
        arrives = following - now <= soonest
        step = np.where(arrives, following - now, soonest)
        fresh = (speed > 0) & ~s["began"]
        s["start"] = np.where(fresh, now[:, None], s["start"])
        s["began"] |= fresh
        s["left"] = s["left"] - speed * step[:, None]
        now = now + step
        # Those that end.
        done = np.flatnonzero(~arrives)
        slot = first[done]
        who = s["number"][done, slot].astype(int)
        here = who < total
        a, b, w = done[here], slot[here], who[here]
        response[a, w] = now[a] - s["came"][a, b]
        until = now[a] - s["need"][a, b] if interrupted else s["start"][a, b]
        wait[a, w] = until - s["came"][a, b]
        s["present"][done, slot] = False
        # Those that come.
        came = np.flatnonzero(arrives)
        n = s["present"][came].sum(axis=1)
        here = count[came] < total
        a, w = came[here], count[came][here]
        kind = rng.choice(len(shares), len(came), p=shares)
        seen[a, w], kinds[a, w] = n[here], kind[here]
        fits = n < limit
        lost[a, w] = ~fits[here]
        assert capacity is not None or population is not None or fits.all(), (
            "more slots are needed"
        )
        enter = came[fits]
        slot = (~s["present"][enter]).argmax(axis=1)
        draws = np.stack([d(rng, (len(enter),)) for d in drawers])
        need = draws[kind[fits] if len(drawers) > 1 else 0, np.arange(len(enter))]
        for name, value in (
            ("need", need), ("left", need), ("came", now[enter]), ("kind", kind[fits]),
            ("number", count[enter]), ("present", True), ("began", False),
        ):  # fmt: skip
            s[name][enter, slot] = value
        count[came] += 1
        gap = rng.exponential(1.0, replicas)
        if population is None:
            following[came] = now[came] + gap[came] / rate
        else:  # memoryless: drawn anew after every event
            asking = population - s["present"].sum(axis=1)
            with np.errstate(divide="ignore"):
                following = now + gap / (rate * asking)
    kept = (x[:, warm:jobs] for x in (wait, response, seen, lost, kinds))
    w, r, n, lost, kinds = kept
    return Sample(w, r, n, None, lost, None, kinds)


# How fast each slot is served.


def sharing(servers: int = 1) -> Rates:
    def rates(s: dict[str, Array]) -> Array:
        n = s["present"].sum(axis=1, keepdims=True)
        return np.minimum(1.0, servers / np.maximum(n, 1)) * s["present"]

    return rates


def chain(total: tuple[float, ...], servers: int) -> Rates:
    """Serve in order of arrival at a total rate for each number present."""
    order = first_by(lambda s: s["came"], servers=servers)

    def rates(s: dict[str, Array]) -> Array:
        n = s["present"].sum(axis=1, keepdims=True)
        share = np.array((0.0, *total))[n] / np.maximum(np.minimum(n, servers), 1)
        return order(s) * share

    return rates


def first_by(
    key: Callable[[dict[str, Array]], Array], *, servers: int = 1, sticky: bool = False
) -> Rates:
    """Serve the `servers` least keys; what began is finished first if `sticky`."""

    def rates(s: dict[str, Array]) -> Array:
        order = key(s)
        if sticky:
            order = np.where(s["began"], -np.inf, order)
        order = np.where(s["present"], order, np.inf)
        if servers == 1:
            chosen = order.argmin(axis=1)[:, None] == np.arange(order.shape[1])
        else:
            chosen = order.argsort(axis=1, kind="stable").argsort(axis=1) < servers
        return (chosen & s["present"]).astype(float)

    return rates
