"""What comes out of a hierarchy of caches, as a whole and level by level."""

from __future__ import annotations

from dataclasses import dataclass

from qmodel._typing import Value
from qmodel.basis import Assumption, Basis, union

__all__ = ["HierarchyResult", "LevelResult"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LevelResult:
    """The steady state of one level.

    Parameters
    ----------
    request_rate : number or array
        Requests that reach the level, all its nodes together. [1/s]
    hit_ratio : number or array
        Share of them that it answers; 0 where none come. [-]
    answered : number or array
        Share of all requests of the clients that it answers. [-]
    miss_rate : number or array
        Requests that it passes on, all its nodes together. [1/s]
    characteristic_time : number or array
        How long an object stays in a node that is not asked for; where the clients are
        shared unequally, in a node with an average share. [s]
    occupancy : number or array
        Mean number of objects in one node. [-]
    """

    request_rate: Value
    hit_ratio: Value
    answered: Value
    miss_rate: Value
    characteristic_time: Value
    occupancy: Value


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HierarchyResult:
    """The steady state of a hierarchy of caches.

    Parameters
    ----------
    request_rate : number or array
        Requests of all clients. [1/s]
    hit_ratio : number or array
        Share of them that some level answers. [-]
    miss_ratio : number or array
        Share of them that reaches the origin. [-]
    levels : tuple of LevelResult
        Each level, that of the clients first. [-]
    basis : Basis
        How much each quantity can be trusted; "level 1" and so on stand for all
        quantities of a level. [-]
    """

    request_rate: Value
    hit_ratio: Value
    miss_ratio: Value
    levels: tuple[LevelResult, ...]
    basis: Basis

    @property
    def miss_rate(self) -> Value:
        """Requests that reach the origin. [1/s]."""
        return self.request_rate * self.miss_ratio

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the result rests on, each a name with a statement and a source."""
        return union(*self.basis.grounds.values())
