"""Networks of stations: closed loads, several classes, routing, and pools that are held."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.networks import bounds, classes, closed
    from qmodel.networks.bounds import Bounds
    from qmodel.networks.class_types import (
        ClassesResult,
        ClosedClass,
        OpenClass,
        StationClasses,
    )
    from qmodel.networks.closed_result import ClosedResult
    from qmodel.networks.held.pool import HeldPool
    from qmodel.networks.held.result import HeldResult
    from qmodel.networks.pool_size import (
        PoolSize,
        deadlock_free_permits,
        pool_size,
        scalability,
    )
    from qmodel.networks.routed import routed
    from qmodel.networks.routed_network import RoutedNetwork
    from qmodel.networks.routed_result import ClassResult, RoutedResult

__all__ = [
    "Bounds",
    "ClassResult",
    "ClassesResult",
    "ClosedClass",
    "ClosedResult",
    "HeldPool",
    "HeldResult",
    "OpenClass",
    "PoolSize",
    "RoutedNetwork",
    "RoutedResult",
    "StationClasses",
    "bounds",
    "classes",
    "closed",
    "deadlock_free_permits",
    "pool_size",
    "routed",
    "scalability",
]

lazily(
    __name__,
    {
        "bounds": "Bounds",
        "class_types": "ClassesResult ClosedClass OpenClass StationClasses",
        "closed_result": "ClosedResult",
        "held.pool": "HeldPool",
        "held.result": "HeldResult",
        "pool_size": "PoolSize deadlock_free_permits pool_size scalability",
        "routed": "routed",
        "routed_network": "RoutedNetwork",
        "routed_result": "ClassResult RoutedResult",
    },
    modules="bounds classes closed",
)
