"""The application of the lab: a thread works, looks in Redis, and queries PostgreSQL on a miss.

A WSGI application that gunicorn runs with a number of threads. Work and query take exponential
times, slept, so that two cores carry a site of any size. Each request is written as spans of
OpenTelemetry, one JSON document a line, as an agent would send them to its collector.

Environment: WORK and QUERY, mean times [s]; POOL, connections to
PostgreSQL, and CACHED to Redis; REDIS_PORT; PG_DSN; SPANS, a
file, or empty for none.
"""

from __future__ import annotations

import json
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg_pool
import redis

WORK, QUERY = float(os.environ["WORK"]), float(os.environ["QUERY"])
POOL, CACHED = int(os.environ["POOL"]), int(os.environ["CACHED"])
VALUE = b"x" * 1000
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "app"}}]}
SERVER, CLIENT = 2, 3

# One connection after the other, so that all are in use: Redis counts what each takes.
cache = redis.Redis.from_pool(
    redis.BlockingConnectionPool(
        port=int(os.environ["REDIS_PORT"]), max_connections=CACHED, queue_class=queue.Queue
    )
)
pool = psycopg_pool.ConnectionPool(
    os.environ["PG_DSN"],
    min_size=POOL,
    max_size=POOL,
    timeout=120,
    kwargs={"autocommit": True},
    open=True,
)
spans = open(os.environ["SPANS"], "a") if os.environ.get("SPANS") else None  # noqa: SIM115
lock = threading.Lock()


class Trace:
    """The spans of one request."""

    def __init__(self) -> None:
        self.id, self.root = f"{random.getrandbits(128):032x}", f"{random.getrandbits(64):016x}"
        self.spans: list[dict[str, Any]] = []

    @contextmanager
    def span(self, name: str, kind: int, system: str = "") -> Iterator[None]:
        """Note how long a part of the request takes."""
        begun = time.time_ns()
        yield
        one = {
            "traceId": self.id,
            "spanId": self.root if kind == SERVER else f"{random.getrandbits(64):016x}",
            "parentSpanId": "" if kind == SERVER else self.root,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": str(begun),
            "endTimeUnixNano": str(time.time_ns()),
        }
        if system:
            one["attributes"] = [{"key": "db.system", "value": {"stringValue": system}}]
        self.spans.append(one)

    def write(self) -> None:
        """Append the spans to the file."""
        if spans is not None:
            scope = {"resource": RESOURCE, "scopeSpans": [{"spans": self.spans}]}
            line = json.dumps({"resourceSpans": [scope]}) + "\n"
            with lock:
                spans.write(line)
                spans.flush()


def app(environment: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """Answer ``GET /item/<key>``."""
    key = environment["PATH_INFO"].rsplit("/", 1)[1]
    trace = Trace()
    with trace.span("GET /item", SERVER):
        time.sleep(random.expovariate(1 / WORK))
        with trace.span("GET", CLIENT, "redis"):
            value = cache.get(key)
        if value is None:
            # The connection first: the wait for it is no part of the query.
            with pool.connection() as connection, trace.span("select", CLIENT, "postgresql"):
                connection.execute("select pg_sleep(%s)", (random.expovariate(1 / QUERY),))
            cache.set(key, VALUE)
    trace.write()
    start("200 OK", [("Content-Length", str(len(VALUE)))])
    return [VALUE]
