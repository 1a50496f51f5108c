"""One way into all formats: recognise the file by its first lines, then read it."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from qmodel._checked import checked
from qmodel.errors import DomainError, LoadFileError
from qmodel.measurements.measurements import Measurements
from qmodel.measurements.readers import (
    access_log,
    cells,
    hdr_histogram,
    hey,
    jmeter,
    json_log,
    k6,
    locust,
    opentelemetry,
    plain,
    prometheus,
    server_counters,
    vegeta,
)
from qmodel.measurements.readers.sources import Source

__all__ = ["FORMATS", "format_of", "read"]

_MODULES = {
    "prometheus": prometheus,
    "opentelemetry": opentelemetry,
    "k6": k6,
    "vegeta": vegeta,
    "hey": hey,
    "hdr": hdr_histogram,
    "access": access_log,
    "json": json_log,
    "locust": locust,
    "jmeter": jmeter,
    "csv": plain,
}
"""The formats in the order in which they are recognised: each module knows its own."""

FORMATS = (*_MODULES, "wrk", "postgresql", "redis", "memcached")
"""The names that `read` takes for a format."""


@checked
def read(
    path: str | PathLike[str],
    format: str | None = None,
    *,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    day_first: bool | None = None,
) -> Measurements:
    r"""Return what a file of measurements holds, whatever wrote it.

    Known are Prometheus (text and API), OpenTelemetry spans, access logs (combined, nginx,
    JSON, ALB), k6, Locust, JMeter, vegeta, hey, wrk and HdrHistogram, ``pg_stat_statements``,
    Redis, memcached, and plain CSV; each also as gzip. The format is recognised by the first
    lines. Files of single requests are counted as they are read, so they may be larger than
    memory.

    Parameters
    ----------
    path : str or path
        The file. [-]
    format : str, optional
        One of `FORMATS`, or the ``log_format`` of nginx, which has a ``$`` in it, for a file
        that is of no other kind. [-]
    unit : str, optional
        Unit of the times, such as "ms", or of the rates, such as "requests/min", where the file
        does not say it. [-]
    columns : mapping of str to str, optional
        For plain CSV: names of columns by what they are, such as ``{"time": "when", "count":
        "n"}``; "counter" is a count that only grows. [-]
    day_first : bool, optional
        Whether dates such as 03/04/2026 have the day first, where they do not show it. [-]

    Returns
    -------
    Measurements
        A tidy frame, with notes on what was assumed and the number of bad lines. [-]

    Raises
    ------
    LoadFileError
        If the file is not recognised, is binary, cut off or hostile, or most of its lines are
        bad; the message has the line and what would help.
    DomainError
        If `unit` is that of neither a time nor a rate.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "redis.txt"
    >>> _ = path.write_text("# Stats\nkeyspace_hits:900\nkeyspace_misses:100\n"
    ...     "total_commands_processed:5000\nuptime_in_seconds:100\n")
    >>> measured = read(path)
    >>> measured.format, measured.frame[["arrival_rate", "hit_ratio"]].to_numpy().tolist()
    ('Redis INFO', [[50.0, 0.9]])
    """
    if unit is not None and cells.per_unit(unit) is None and "/" not in unit:
        raise DomainError(
            "unit must be that of a time or a rate, such as 'ms' or 'requests/min', got "
            f"{unit!r}"
        )
    source = Source(path)
    if format is not None and "$" in format:
        if format_of(source) in ("", "access"):
            return access_log.read(source, format)
        format = None
    chosen = (format_of(source) or _unknown(source)) if format is None else format
    asking = {
        "csv": lambda: plain.read(source, dict(columns or {}), unit, day_first),
        "hdr": lambda: hdr_histogram.read(source, unit),
        "wrk": lambda: hdr_histogram.read(source, unit),
        "postgresql": lambda: server_counters.postgresql(source),
        "redis": lambda: server_counters.redis(source),
        "memcached": lambda: server_counters.memcached(source),
        "json": lambda: json_log.read(source, unit),
    }
    if chosen not in FORMATS:
        raise source.refusal(f"cannot be read as {chosen!r}: known are {', '.join(FORMATS)}")
    try:
        return asking[chosen]() if chosen in asking else _MODULES[chosen].read(source)
    except LoadFileError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError) as e:
        # A document of the right kind with a part missing or of another type.
        raise source.refusal(f"looks like {chosen}, but has no usable {e}") from None
    except (ValueError, OverflowError) as e:
        raise source.refusal(f"looks like {chosen}, but {e}") from None


def format_of(source: Source) -> str:
    """Return the name of the format that a file has, "" if it is none of them."""
    server = server_counters.recognises(source)
    if server:
        return server
    for name, module in _MODULES.items():
        if module.recognises(source):
            return name
    return ""


def _unknown(source: Source) -> str:
    access_log.refuse_layout(source)
    shown = source.first_lines[0][:60]
    raise source.refusal(
        f"begins with {shown!r}, which is no format that is known ({', '.join(FORMATS)}): a "
        "CSV file needs a first line that names its columns, such as time,requests"
    )
