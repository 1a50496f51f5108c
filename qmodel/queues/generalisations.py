"""What a station becomes where its service, or its arrivals, are of another distribution.

The one place that knows special cases and general ones, so that neither imports the other:
M/M/c and M/D/c are M/G/c with another service, all of these GI/G/c with other arrivals.
"""

from __future__ import annotations

from qmodel.distributions import Distribution
from qmodel.queues.base import Station
from qmodel.queues.ggc import GGc
from qmodel.queues.gmc import GMc
from qmodel.queues.mdc import MDc
from qmodel.queues.mg1 import MG1
from qmodel.queues.mgc import MGc
from qmodel.queues.mmc import MMc

__all__: list[str] = []


def _mgc(station: Station, service: Distribution) -> Station:
    """Return M/G/c with as many servers."""
    return MGc(service, station.servers)


def _ggc(station: Station, interarrival: Distribution) -> Station:
    """Return GI/G/c with the same service and servers."""
    return GGc(interarrival, station.service, station.servers)


def _ggc_of_renewal(station: GMc, service: Distribution) -> Station:
    """Return GI/G/c with the same arrivals and servers."""
    return GGc(station.interarrival, service, station.servers)


def _gmc(station: Station, interarrival: Distribution) -> Station:
    """Return GI/M/c with the same service and servers."""
    return GMc(interarrival, station.service.mean, station.servers)


MMc.general_service = MDc.general_service = _mgc
GMc.general_service = _ggc_of_renewal
MMc.general_arrivals = _gmc
MDc.general_arrivals = MG1.general_arrivals = MGc.general_arrivals = _ggc
