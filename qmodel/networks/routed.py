"""How to say a routed network: stations, and the probabilities from one to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel.distributions import Distribution
from qmodel.errors import ModelError
from qmodel.networks.routed_network import RoutedNetwork
from qmodel.networks.traffic import routing_matrix
from qmodel.queues.base import Station

__all__ = ["routed"]


@checked
def routed(
    stations: Mapping[str, Station],
    routing: Mapping[str, Any] | Sequence[Any] | np.ndarray,
    services: Mapping[str, Mapping[str, Distribution]] | None = None,
    weights: Mapping[str, Mapping[str, float]] | None = None,
) -> RoutedNetwork:
    """Return a network of stations from its routing probabilities.

    Parameters
    ----------
    stations : mapping of str to Station
        The stations by name. [-]
    routing : mapping or matrix
        ``{from: {to: probability}}`` or a square matrix in the order of the stations; what a
        row lacks to 1 leaves. Classes that keep to themselves have ``{class: {from: {to:
        p}}}``, those that change ``{(class, from): {(class, to): p}}``. [-]
    services : mapping, optional
        Service of a class where it is not that of the station,
        ``{class: {station: Distribution}}``. [-]
    weights : mapping, optional
        Weight of a class at a shared server, > 0, where it is not 1: what it gets of the
        server under users inside, ``{class: {station: weight}}``. [-]

    Returns
    -------
    RoutedNetwork
        To be solved under arrivals from outside, or with a fixed number of users. [-]

    Raises
    ------
    DomainError
        If a probability is outside 0 to 1, or a row sums to more than 1.
    ModelError
        If a name is unknown, or the matrix is not square.

    Examples
    --------
    Three stations with feedback, entered at each of them:

    >>> import numpy as np
    >>> import qmodel as qm
    >>> stations = {"a": qm.MMc(1 / 10), "b": qm.MMc(1 / 50), "c": qm.MMc(1 / 100)}
    >>> network = routed(stations, [[0, 1 / 3, 1 / 3], [0, 0, 1], [0, 1 / 2, 0]])
    >>> r = network.solve([5.0, 10.0, 15.0])
    >>> float(r.number_in_system), float(r.response_time), float(r.max_rate)
    (6.3077, 0.2103, 37.5)
    """
    if not stations:
        raise ModelError("a network needs at least one station")
    names = list(stations)
    stops = tuple(("", name) for name in names)
    if isinstance(routing, Mapping) and any(isinstance(key, tuple) for key in routing):
        pairs = [*routing, *(to for row in routing.values() for to in row)]
        if not all(isinstance(p, tuple) and len(p) == 2 for p in pairs):
            raise ModelError("a routing that changes classes has pairs of class and station")
        stops = tuple((c, n) for c in dict.fromkeys(p[0] for p in pairs) for n in names)
        rows = routing_matrix(stops, routing)
    elif isinstance(routing, Mapping) and not set(routing) <= set(names):
        for c, own in routing.items():
            if not isinstance(own, Mapping):
                raise ModelError(f"the routing of class {c!r} must be a mapping, got {own!r}")
        stops = tuple((c, n) for c in routing for n in names)
        pairs_of = {
            (c, start): {(c, end): p for end, p in row.items()}
            for c, own in routing.items()
            for start, row in own.items()
        }
        rows = routing_matrix(stops, pairs_of)
    else:
        rows = routing_matrix(names, routing)
    for name, station in stations.items():
        _check.instance(f"station {name!r}", station, Station)
    own = {
        what: {
            c: dict(_check.instance(f"{what} of {c!r}", at, Mapping))
            for c, at in (given or {}).items()
        }
        for what, given in (("services", services), ("weights", weights))
    }
    for what, given in own.items():
        for c, at in given.items():
            for name in at:
                if (c, name) not in stops:
                    raise ModelError(f"no class {c!r} at {name!r} to have {what}")
    shares = {
        c: {
            n: _check.one(f"the weight of {c} at {n}", w, _check.positive)
            for n, w in at.items()
        }
        for c, at in own["weights"].items()
    }
    return RoutedNetwork(dict(stations), stops, rows, own["services"], shares)
