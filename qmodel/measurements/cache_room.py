r"""How many objects fit in a Redis server, by what it says of itself.

Redis evicts when all that it allocates exceeds ``maxmemory``, and that is not its objects
alone: what the empty server takes, :math:`M_0`, and the buffers of its clients, :math:`b` for
each of :math:`n` connections, count too. With :math:`K` objects in :math:`M` of
memory an object takes

.. math:: s = \frac{M - M_0 - nb}{K}

with its key, its entry in the table and what the allocator rounds up to, so that beside
:math:`n'` connections there fit :math:`(M_{\max} - M_0 - n'b)/s` objects [1]_.

References
----------
.. [1] Redis, "INFO", documentation: sections clients, memory and keyspace.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.errors import ModelError
from qmodel.measurements.measurements import Measurements

__all__ = ["objects_that_fit"]

_FIXED = ("used_memory_startup", "mem_replication_backlog", "mem_cluster_links")
_NEEDED = (
    "maxmemory", "used_memory", "used_memory_startup", "mem_clients_normal",
    "connected_clients", "keys",
)  # fmt: skip


@checked
def objects_that_fit(measured: Measurements, connections: Any = None) -> Any:
    """Return how many objects fit in a Redis server with so many connections.

    Parameters
    ----------
    measured : Measurements
        INFO of the server, as from `qmodel.measurements.read`. [-]
    connections : number or array-like, optional
        Connections of clients, each about as busy as those of the file; as many as in the file
        without. [-]

    Returns
    -------
    float or numpy.ndarray
        Objects of the mean size of those in the file, 0 where nothing is left for them. [-]

    Raises
    ------
    DomainError
        If connections is negative.
    ModelError
        If the file does not have the memory, a limit of it, or no object is in it.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import qmodel as qm
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "redis.txt"
    >>> _ = path.write_text('''redis_version:7.0.15
    ... connected_clients:9
    ... used_memory:3001528
    ... used_memory_startup:876216
    ... maxmemory:3000000
    ... mem_clients_normal:178176
    ... keyspace_hits:9230
    ... keyspace_misses:2770
    ... db0:keys=1678,expires=0,avg_ttl=0
    ... ''')
    >>> info = qm.measurements.read(path)
    >>> [round(float(n)) for n in objects_that_fit(info, [8, 16, 64])]
    [1694, 1557, 738]
    """
    facts = measured.facts
    if lacking := [n for n in _NEEDED if n not in facts]:
        raise ModelError(
            f"{measured.source} has no {', '.join(lacking)}: give INFO of a Redis server, all "
            "sections (redis-cli INFO)"
        )
    if not facts["maxmemory"]:
        raise ModelError("maxmemory is 0: this Redis has no limit, every object fits")
    if not facts["keys"]:
        raise ModelError("no object is in this Redis: how large one is, it cannot say")
    seen = max(facts["connected_clients"], 1.0)
    beside = _check.nonnegative("connections", seen if connections is None else connections)
    fixed = sum(facts.get(n, 0.0) for n in _FIXED)
    counted = facts["used_memory"] - facts.get("mem_not_counted_for_evict", 0.0)
    buffer = facts["mem_clients_normal"] / seen
    size = (counted - fixed - facts["mem_clients_normal"]) / facts["keys"]
    return np.maximum(facts["maxmemory"] - fixed - beside * buffer, 0.0) / size
