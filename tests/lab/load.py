"""The clients of the lab: Poisson arrivals, Zipf keys, latency from the intended start.

Nothing is omitted: a request that is sent late, as the tester or the site is slow, counts from
when it should have been sent. With a timeout a late answer is abandoned, its connection closed,
and the request sent again at once, up to a number of attempts; its latency is that of all.

    python load.py '{"port": 8100, "rate": 50, "seconds": 60, ...}' results.json

writes a line a request as vegeta does, and how many attempts it took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

LIMIT = 20.0  # [s] after which an answer is given up in any case


class Clients:
    """Connections that are kept, and the requests over them."""

    def __init__(self, port: int, timeout: float | None, attempts: int) -> None:
        self.port, self.timeout, self.attempts = port, timeout or LIMIT, attempts
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    @property
    def given_up(self) -> float:
        """Time after which a request that fails has failed [s]."""
        return self.attempts * self.timeout

    async def answered(self, key: int, due: float) -> tuple[float, int]:
        """Return the latency of a request from when it was due, and its attempts."""
        for attempt in range(1, self.attempts + 1):
            try:
                good = await asyncio.wait_for(self._once(key), self.timeout)
            except TimeoutError:
                continue
            except (OSError, asyncio.IncompleteReadError):
                good = False
            if good:
                return time.perf_counter() - due, attempt
        return float("nan"), self.attempts

    async def _once(self, key: int) -> bool:
        connection = None
        try:
            if self.idle:
                connection = self.idle.pop()
            else:
                connection = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = connection
            writer.write(f"GET /item/{key} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next(int(x[15:]) for x in lines if x.startswith("content-length:"))
            await reader.readexactly(length)
            if "connection: close" not in lines:
                self.idle.append(connection)
                connection = None
            return lines[0].startswith("http/1.1 200")
        finally:
            if connection is not None:
                connection[1].close()


async def load(asked: dict[str, Any], path: Path) -> None:
    """Send requests, and write what became of each."""
    rng = np.random.default_rng(asked["seed"])
    weights = np.arange(1, asked["keys"] + 1) ** -float(asked["exponent"])
    count = rng.poisson(asked["rate"] * asked["seconds"])
    at = np.sort(rng.random(count)) * asked["seconds"]
    shares = np.cumsum(weights) / weights.sum()
    keys = np.minimum(np.searchsorted(shares, rng.random(count)), weights.size - 1)
    clients = Clients(asked["port"], asked.get("timeout"), asked.get("attempts", 1))
    start, clock = time.perf_counter() + 0.2, time.time() + 0.2
    running = []
    for when, key in zip(at.tolist(), keys.tolist(), strict=True):
        wait = start + when - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        running.append(asyncio.create_task(clients.answered(key, start + when)))
    answers = await asyncio.gather(*running)
    with path.open("w") as file:
        for t, key, (latency, tried) in zip(at, keys, answers, strict=True):
            good = latency == latency
            begun = datetime.fromtimestamp(clock + t, UTC).isoformat(timespec="microseconds")
            one = {
                "attack": "lab",
                "code": 200 if good else 0,
                "timestamp": begun,
                "latency": round(1e9 * (latency if good else clients.given_up)),
                "method": "GET",
                "url": f"/item/{key}",
                "error": "" if good else "no answer in time",
                "attempts": tried,
            }
            file.write(json.dumps(one) + "\n")


if __name__ == "__main__":
    try:
        import uvloop as loops
    except ImportError:
        loops = asyncio
    loops.run(load(json.loads(sys.argv[1]), Path(sys.argv[2])))
