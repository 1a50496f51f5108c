"""Property tests of pipelines and stations: what to test them on, and what must hold.

`strategies` has hypothesis strategies for laws, stations, streams, paths, pipelines and
loads; `laws` has the laws of queues as assertions. Needs hypothesis: the extra "testing".

Examples
--------
>>> from hypothesis import given, settings
>>> from qmodel.testing import laws, strategies
>>> @settings(deadline=None)
... @given(strategies.stations(), strategies.loads())
... def test_littles_law(station, load):
...     laws.littles_law(station.solve(strategies.rate_of(station, load)))
>>> test_littles_law()
"""

from qmodel.testing import laws, strategies
from qmodel.testing.measurements import agrees_with

__all__ = ["agrees_with", "laws", "strategies"]
