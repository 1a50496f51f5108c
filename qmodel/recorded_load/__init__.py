r"""Recorded load: read the requests that a site really had, and replay them on a model.

Examples
--------
>>> import tempfile, pathlib
>>> import qmodel as qm
>>> path = pathlib.Path(tempfile.mkdtemp()) / "load.csv"
>>> _ = path.write_text("minute,requests\n2026-05-01 12:00,6000\n2026-05-01 12:01,18000\n")
>>> shop = qm.Pipeline(qm.call("web", qm.MMc(0.01, servers=4)))
>>> frame = replay(shop, read_load(path), objectives="p99 < 50 ms")
>>> frame["p99"].round(3).tolist(), frame["met"].tolist()
([0.046, 0.06], [True, False])
"""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.recorded_load.read import read_load
    from qmodel.recorded_load.rows import replay

__all__ = ["read_load", "replay"]

lazily(
    __name__,
    {
        "read": "read_load",
        "rows": "replay",
    },
)
