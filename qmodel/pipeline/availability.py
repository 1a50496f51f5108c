r"""The third reading of a path: which requests are answered, given which stations are up.

Along the tree, with the share f of the requests that a step answers [1]_,

.. math::

    \text{series} \prod_i f_i, \qquad \text{branch} \sum_i p_i f_i, \qquad
    \text{n attempts} \; 1 - (1 - f)^n, \qquad
    \text{cache} \; f_l (h + (1 - h) f_m) ,

and for k of n in parallel the probability that k or more answer (`Step.answered`). A copy of a
fan-out has stations of its own. A request goes on without a station that is *spared*; the
look-up in a cache that is spared is a miss then.

These hold where no station is met twice. One that is (a shared database, a call that is
repeated) is up or down for all its calls: the share is averaged over its two states, one such
station after the other, and no further where a request has failed for certain (factoring).
Exact for stations that fail independently and stay as they are while a request passes.

References
----------
.. [1] R. E. Barlow, F. Proschan, "Statistical Theory of Reliability and Life Testing",
   Holt, Rinehart and Winston, 1975, ch. 1 and 2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Literal

import numpy as np

from qmodel.errors import ModelError
from qmodel.pipeline.steps.base import Step
from qmodel.pipeline.steps.call import Call
from qmodel.pipeline.steps.fan_out import FanOut

__all__ = ["Answering"]

_MOST = 14
"""Stations met twice of which none is needed by all: two states of each are 16384 in all."""


@dataclass(frozen=True, slots=True)
class Answering:
    """What a path has to work with.

    Parameters
    ----------
    up : mapping of str to number or array
        Fraction of time that each station is up; 1 for others. [-]
    hit_ratios : mapping of str to number or array
        Hit ratio of each cache that is modelled. [-]
    spared : frozenset of str
        Stations that a request can do without. [-]
    losing : {"copies", "one copy"}
        Whether the copies of a fan-out fail one by one, or one of them is meant. [-]
    fragile : bool
        Whether nothing helps: no other copy, attempt or answer, and nothing is spared. [-]
    known : mapping
        Stations and fan-outs of which the state is known: 1 up, 0 down. [-]
    """

    up: Mapping[str, Any]
    hit_ratios: Mapping[str, Any] = field(default_factory=dict)
    spared: frozenset[str] = frozenset()
    losing: Literal["copies", "one copy"] = "copies"
    fragile: bool = False
    known: Mapping[Hashable, Any] = field(default_factory=dict)

    def share(self, step: Step) -> Any:
        """Return the share of the requests that the step answers. [-]."""
        met = Counter(_met(step))
        twice = [unit for unit, times in met.items() if times > 1 and self._may_fail(unit)]
        if not twice:
            return self.of(step)
        certain = [u for u in twice if np.all(self._best(step, {_key(u): 0.0}) == 0)]
        open_ = [u for u in twice if u not in certain]
        if len(open_) > _MOST:
            raise ModelError(
                f"at most {_MOST} stations that are met twice can be averaged over, "
                f"got {len(open_)}"
            )
        known: dict[Hashable, Any] = {_key(u): 1.0 for u in certain}
        return prod(self._probability(u) for u in certain) * self._average(step, known, open_)

    def _average(self, step: Step, known: dict[Hashable, Any], left: list[Any]) -> Any:
        """Return the share where some stations are known to be up or down."""
        if not left:
            return replace(self, known=known).of(step)
        unit, *rest = left
        key, probability = _key(unit), self._probability(unit)
        works = probability * self._average(step, known | {key: 1.0}, rest)
        lost = known | {key: 0.0}
        if np.all(self._best(step, lost) == 0):
            return works
        return works + (1 - probability) * self._average(step, lost, rest)

    def _probability(self, unit: Any) -> Any:
        """Return how often a station, or a fan-out as a whole, is up."""
        return self._copies(unit) if isinstance(unit, FanOut) else self.up.get(unit, 1.0)

    def _may_fail(self, unit: Any) -> bool:
        if isinstance(unit, FanOut):
            inside = (step for step in unit.walk() if isinstance(step, Call))
            return any(call.name in self.up for call in inside)
        return unit in self.up

    def _best(self, step: Step, known: Mapping[Hashable, Any]) -> Any:
        """Return the share where all is up that is not known."""
        return replace(self, up={}, known=known).of(step)

    def _copies(self, step: FanOut) -> Any:
        if not self.up:
            return 1.0
        one, copies = replace(self, known={}).share(step.step), np.asarray(step.copies)
        need = copies if step.need is None else np.asarray(step.need)
        if self.fragile:
            return one
        if self.losing == "one copy":
            return np.where(need < copies, 1.0, one)[()]
        if step.need is None:
            return one ** (step.copies + 0.0)
        from scipy.special import betainc

        return betainc(need + 0.0, copies - need + 1.0, one)

    # What a step asks.

    def of(self, step: Step) -> Any:
        """Return the share that a part of a step answers."""
        return step.answered(self)

    def plain(self, step: Step) -> Any:
        """Return the share that a part answers where no station is spared."""
        return step.answered(replace(self, spared=frozenset()))

    def unit(self, unit: Any) -> Any:
        """Return whether a station (by name) or a fan-out is up."""
        if unit in self.spared and not self.fragile:
            return 1.0
        key = _key(unit)
        return self.known[key] if key in self.known else self._probability(unit)

    def enough(self, probabilities: list[Any], need: int) -> Any:
        """Return the probability that `need` or more of some independent events happen."""
        if need == len(probabilities):
            return prod(probabilities)
        if need == 1:
            return 1 - prod(1 - p for p in probabilities)
        # Those of 0, 1, ... so far, one event after the other; all terms are positive.
        found: list[Any] = [1.0]
        for p in probabilities:
            more = [*found, 0.0]
            found = [
                (1 - p) * more[k] + (p * more[k - 1] if k else 0.0) for k in range(len(more))
            ]
        return sum(found[need:])


def _key(unit: Any) -> Hashable:
    return unit if isinstance(unit, str) else id(unit)


def _met(step: Step) -> Iterator[Any]:
    """Yield what can be down each time that it is met: stations by name, and fan-outs."""
    if isinstance(step, (Call, FanOut)):
        yield step.name if isinstance(step, Call) else step
        return
    for child in step.children:
        yield from _met(child)
        if step.repeats:
            yield from _met(child)
