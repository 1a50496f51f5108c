r"""The order in which a station serves several classes, as what a request waits for.

A network has a product form if no order matters: first come, first served (or last, without
interruption) with one service for all, shared servers of equal weights, delays, and a server
that the newest always has. Where it does, approximate mean value analysis
(`qmodel.networks.linearizer`) takes what a request waits for from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel.basis import APPROXIMATE, Assumption
from qmodel.errors import ModelError
from qmodel.networks.class_types import ClosedClass, OpenClass
from qmodel.networks.linearizer import Order
from qmodel.networks.product_form import Node

__all__ = ["order_of", "ordered_stations"]

ORDER_AMONG_CLASSES = Assumption(
    "order-among-classes",
    "what a request waits for follows from the mean numbers and loads of the classes; against "
    "Markov chains of 2 or 3 classes of 1 to 4 users, whose services differ up to 25 times, "
    "throughput and response of a class were 2 % and 4 % off in the mean at one FCFS server, "
    "5 % and 13 % at two, 7 % and 13 % under weights, 9 % and 30 % under priorities; the worst "
    "throughput of a class by 84 %, the response of one that hardly gets a turn several times",
    "Reiser 1979; Bryant, Krzesinski, Lakshmi and Chandy 1984; our comparison with Markov "
    "chains",
    APPROXIMATE,
)


def ordered_stations(
    nodes: Mapping[str, Node], classes: Mapping[str, ClosedClass | OpenClass]
) -> list[str]:
    """Return the stations at which the order of service matters among these classes."""
    found = []
    for name, node in nodes.items():
        here = [c for c in classes.values() if name in c.visits]
        own = [c.services[name].mean if name in c.services else node.work for c in here]
        weights = [c.weights.get(name, 1.0) for c in here if isinstance(c, ClosedClass)]
        if node.delays or len(here) < 2:
            continue
        if not node.queues:
            matters = any(np.any(np.not_equal(w, weights[0])) for w in weights)
        elif node.order in ("interrupts", "overtakes"):
            matters = True
        else:
            matters = any(np.any(np.not_equal(s, own[0])) for s in own)
        if matters:
            found.append(name)
    return found


def order_of(
    nodes: Sequence[Node],
    names: Sequence[str],
    classes: Mapping[str, Any],
    demands: Any,
    visits: Any,
    speeds: Any,
) -> Order:
    """Return what each class waits for at stations.

    Parameters
    ----------
    nodes, names : sequences
        The stations and their names. [-]
    classes : mapping of str to ClosedClass
        The closed classes; at priorities the first goes first. [-]
    demands : array of shape (classes, stations, n)
        Work of a round. [s]
    visits : array of shape (classes, stations, n)
        Visits of a round. [-]
    speeds : array of shape (stations, n)
        Speed with many present. [-]

    Returns
    -------
    Order
        The same for every order of service. [-]
    """
    size = len(classes)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(visits > 0, demands / visits, 0.0)
    found = visits[:, None] * means[None] / speeds
    begun = np.zeros_like(found)
    above = np.zeros((size, size, len(nodes), 1))
    # Lower rows are behind: j goes before c where j < c.
    first = np.arange(size)[None, :] < np.arange(size)[:, None]
    behind = first.T
    for k, (node, name) in enumerate(zip(nodes, names, strict=True)):
        if node.order in ("interrupts", "overtakes") and node.queues:
            above[:, :, k, 0] = first
            if node.order == "overtakes":
                begun[:, :, k] = found[:, :, k] * behind[:, :, None]
            found[:, :, k] *= ~behind[:, :, None]
        elif not node.queues:
            weights = np.array([_weight(n, c, name) for n, c in classes.items()], dtype=float)
            share = weights[None, :] / weights[:, None]
            found[:, :, k] = (demands[:, k] / speeds[k])[:, None] * share[:, :, None]
    preempts = np.array([node.order == "interrupts" for node in nodes])
    return Order(found, begun, above, preempts)


def _weight(name: str, c: ClosedClass, station: str) -> float:
    weight = c.weights.get(station, 1.0)
    if np.ndim(weight):
        raise ModelError(f"the weight of {name} at {station} must be one number")
    return _check.one(f"the weight of {name} at {station}", weight, _check.positive)
