"""The results of JMeter (JTL) as CSV: one row a sample.

Times are milliseconds; the loop is closed, as threads wait for their answers. Rows of
transaction controllers are sums of the samples below them and are left out. XML results are
refused with what to set.
"""

from __future__ import annotations

import numpy as np

from qmodel.measurements.measurements import Measurements, of_rows
from qmodel.measurements.readers import cells
from qmodel.measurements.readers.requests import checked_times, kind_numbers, numbers_of
from qmodel.measurements.readers.sources import Source
from qmodel.measurements.readers.tables import columns, header_of
from qmodel.measurements.readers.tally import Tally

__all__ = ["NAME", "read", "recognises"]

NAME = "JMeter results"

_MS = 1e-3
_WANTED = ("timeStamp", "elapsed", "label", "responseMessage", "success", "allThreads")
_TRANSACTION = "Number of samples in transaction"


def recognises(source: Source) -> bool:
    """Return whether the file has the columns, or the XML element, of JMeter."""
    return "<testResults" in source.head[:500].decode("utf-8", "replace") or (
        {"timeStamp", "elapsed"} <= set(header_of(source))
    )


def read(source: Source) -> Measurements:
    """Return the samples of JMeter, counted by label and interval."""
    if source.head.lstrip().startswith(b"<"):
        raise source.refusal(
            "is XML: have JMeter write CSV (jmeter.save.saveservice.output_format=csv)", 1
        )
    tally, transactions = Tally(), 0
    for part in columns(source, wanted=_WANTED):
        message = part.cells.get("responseMessage")
        kept = np.ones(len(part.lines), dtype=bool)
        if message is not None:
            kept = np.array([not m.startswith(_TRANSACTION) for m in message])
            transactions += int((~kept).sum())
        times = cells.times(part.cells["timeStamp"], source.note, name="timeStamp")
        taken = numbers_of(source, part.lines, part.cells["elapsed"], "elapsed", _MS)
        taken = checked_times(source, part.lines, taken)
        kept &= np.isfinite(times) & np.isfinite(taken)
        success = part.cells.get("success", ["true"] * len(part.lines))
        failed = np.array([s.lower() != "true" for s in success])
        kinds = kind_numbers(tally, part.cells.get("label", [""] * len(part.lines)))
        users = part.cells.get("allThreads")
        number = (
            None if users is None else numbers_of(source, part.lines, users, "allThreads")[kept]
        )
        tally.add(times[kept], taken[kept], failed[kept], kinds[kept], number)
    if transactions:
        source.note(f"{transactions:,} rows of transaction controllers left out")
    rows = tally.rows("site")
    return of_rows(list(rows), source, NAME, arrivals=tally.arrivals(), loop="closed")
