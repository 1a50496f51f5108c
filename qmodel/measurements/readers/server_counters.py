"""Counters of servers: ``pg_stat_statements`` as CSV, INFO of Redis, stats of memcached.

All are counts since a start or a reset. With the time since then they give mean rates; two
files give those between them, by `Measurements.since`. ``pg_stat_statements`` has the standard
deviation of each statement, so its SCV is known directly.
"""

from __future__ import annotations

import re
from typing import Any

from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers.requests import numbers_of
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tables import columns, header_of

__all__ = ["memcached", "postgresql", "recognises", "redis"]

_MS = 1e-3
_MUCH = 0.02  # Of the memory of Redis: buffers of clients from which on they are told.
_MEMORY = (
    "used_memory", "used_memory_startup", "maxmemory", "mem_clients_normal",
    "mem_replication_backlog", "mem_cluster_links", "mem_not_counted_for_evict",
    "connected_clients", "evicted_keys", "expired_keys", "instantaneous_ops_per_sec",
)  # fmt: skip
_COMMAND = re.compile(
    r"^cmdstat_([\w|]+):calls=(\d+),usec=(\d+),usec_per_call=([\d.]+)(.*)$", re.M
)


def recognises(source: Source) -> str:
    """Return which of them the file is, or an empty string."""
    head = source.head.decode("utf-8", "replace")
    first = source.first_lines[0]
    if "calls" in first and {"calls", "query"} <= set(header_of(source)):
        return "postgresql"
    if re.search(
        r"^(redis_version|valkey_version|keyspace_hits|total_commands_processed):", head, re.M
    ):
        return "redis"
    if re.search(r"^STAT (get_hits|cmd_get|uptime) ", head, re.M):
        return "memcached"
    return ""


def postgresql(source: Source) -> Measurements:
    """Return the statements of ``pg_stat_statements``, each a kind."""
    names = set(header_of(source))
    mean = next((n for n in ("mean_exec_time", "mean_time") if n in names), None)
    if mean is None:
        raise source.refusal(
            "is of pg_stat_statements, but has no column mean_exec_time (or mean_time)", 1
        )
    spread = mean.replace("mean", "stddev")
    rows: list[dict[str, Any]] = []
    hits = reads = 0.0
    for part in columns(source):

        def column(name: str, factor: float = 1.0) -> Any:
            return numbers_of(source, part.lines, part.cells[name], name, factor)  # noqa: B023

        means, calls = column(mean, _MS), column("calls")
        spreads = column(spread, _MS) if spread in names else means * float("nan")
        if {"shared_blks_hit", "shared_blks_read"} <= names:
            hits += float(column("shared_blks_hit").sum())
            reads += float(column("shared_blks_read").sum())
        for i in range(len(part.lines)):
            query = " ".join(part.cells["query"][i].split())
            scv = (spreads[i] / means[i]) ** 2 if means[i] else float("nan")
            rows.append(
                {
                    "component": "postgresql",
                    "kind": query[:60] or part.cells.get("queryid", ["?"] * (i + 1))[i],
                    "count": float(calls[i]),
                    "mean": float(means[i]),
                    "scv": float(scv),
                }
            )
    source.note("counts since the last reset of the statistics, and no rate")
    facts = {"buffer_hit_ratio": hits / (hits + reads)} if hits + reads else {}
    return of_rows(rows, source, "pg_stat_statements", facts=facts)


def redis(source: Source) -> Measurements:
    """Return commands, hits and the processor time of a Redis server."""
    text = source.text().replace("\r", "")
    found = dict(re.findall(r"^(\w+):([^\n]*)$", text, re.M))

    def value(*names: str) -> float:
        for name in names:
            try:
                return float(found[name])
            except (KeyError, ValueError):
                continue
        return float("nan")

    uptime = value("uptime_in_seconds")
    count = value("total_commands_processed")
    hits, misses = value("keyspace_hits"), value("keyspace_misses")
    whole: dict[str, Any] = {
        "component": "redis",
        "count": count,
        "interval": uptime,
        "arrival_rate": count / uptime if uptime > 0 else float("nan"),
        "hit_ratio": hits / (hits + misses) if hits + misses > 0 else float("nan"),
        "utilization": (value("used_cpu_user") + value("used_cpu_sys")) / uptime
        if uptime > 0
        else float("nan"),
    }
    rows = [whole]
    used = 0.0
    for name, calls, usec, _, rest in _COMMAND.findall(text):
        failed = re.search(r"failed_calls=(\d+)", rest)
        used += float(usec) * 1e-6
        rows.append(
            {
                "component": "redis",
                "kind": name.upper(),
                "count": float(calls),
                "arrival_rate": float(calls) / uptime if uptime > 0 else float("nan"),
                "interval": uptime,
                "mean": float(usec) * 1e-6 / float(calls) if float(calls) else float("nan"),
                "errors": float(failed[1]) if failed else float("nan"),
            }
        )
    if used and count > 0:
        whole["mean"] = used / count
    source.note("means since the start of the server")
    limit, clients = value("maxmemory"), value("mem_clients_normal")
    if limit > 0 and clients > _MUCH * limit:
        source.note(
            f"buffers of clients take {100 * clients / limit:.0f} % of maxmemory, which Redis "
            "counts with the objects: with more connections fewer of them fit, and fewer "
            "look-ups hit (qm.measurements.objects_that_fit says how many)"
        )
    facts = _facts(found, _MEMORY)
    if keys := re.findall(r"^db\d+:keys=(\d+)", text, re.M):
        facts["keys"] = float(sum(map(int, keys)))
    return of_rows(rows, source, "Redis INFO", facts=facts)


def memcached(source: Source) -> Measurements:
    """Return look-ups and hits of a memcached server."""
    found = dict(re.findall(r"^STAT (\S+) (\S+)", source.text().replace("\r", ""), re.M))
    known = _facts(found, tuple(found))
    hits, misses = known.get("get_hits", float("nan")), known.get("get_misses", float("nan"))
    uptime = known.get("uptime", float("nan"))
    count = known.get("cmd_get", hits + misses) + known.get("cmd_set", 0.0)
    row = {
        "component": "memcached",
        "count": count,
        "interval": uptime,
        "arrival_rate": count / uptime if uptime > 0 else float("nan"),
        "hit_ratio": hits / (hits + misses) if hits + misses > 0 else float("nan"),
        "utilization": (
            known.get("rusage_user", float("nan")) + known.get("rusage_system", 0.0)
        )
        / uptime
        if uptime > 0
        else float("nan"),
    }
    source.note("means since the start of the server")
    names = ("bytes", "limit_maxbytes", "evictions", "curr_items")
    return of_rows([row], source, "memcached stats", facts=_facts(found, names))


def _facts(found: dict[str, str], names: tuple[str, ...]) -> dict[str, float]:
    return {n: float(found[n]) for n in names if re.fullmatch(r"\d+\.?\d*", found.get(n, ""))}
