"""Attempts that come again later, where the load changes in time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.pipeline.steps.attempts import rejected_of
from qmodel.pipeline.steps.base import Step
from qmodel.pipeline.steps.full_again import restated
from qmodel.pipeline.steps.retry import Retry
from qmodel.pipeline.steps.timeout import Timeout

if TYPE_CHECKING:
    from qmodel.pipeline.plan import Plan
    from qmodel.pipeline.solved import Solved
    from qmodel.pipeline.steps.full_again import InTurn
    from qmodel.transients.over_time import StationOverTime

__all__ = ["Turns"]


class Turns:
    """Attempts of what failed before, in the windows that are done and in this one.

    What is rejected fails at once and comes back after its pause, what is late has waited
    before.
    """

    def __init__(self, plan: Plan, grid: np.ndarray) -> None:
        self._grid = grid
        # Only where there is a timeout does it matter what failed at once.
        self._tries: dict[Any, tuple[str, Retry]] = {
            step.key: (kind, step)
            for kind, (_, root) in plan.kinds.items()
            for step in root.walk()
            if isinstance(step, Retry) and step.wait
        }
        self._done: dict[Any, list[np.ndarray]] = {key: [] for key in self._tries}
        self._at_once: dict[Any, np.ndarray] = {}
        self._failed: dict[Any, np.ndarray] = {}
        self._failing: dict[Any, np.ndarray] = {}
        self._places: dict[Any, int] = {}
        self._felt: dict[str, InTurn] = {}
        self._more: dict[str, np.ndarray] = {}

    def note(self, turn: InTurn) -> None:
        """Note attempts at a room of which others do not feel all."""
        self._felt[turn.name] = turn

    def felt(self, name: str, fresh: Any) -> Any:
        """Return the attempts that others feel, as in the pass before; None in the first."""
        turn = self._felt.get(name)
        same = turn is not None and np.shape(turn.felt) == np.shape(fresh)
        return fresh * turn.felt if turn is not None and same else None

    def restated(self, over: Mapping[str, StationOverTime]) -> dict[str, StationOverTime]:
        """Return what is seen at stations with all attempts, those that nobody feels, too."""
        felt = {
            name: restated(over[name], more, "rejected", "abandoned")
            for name, more in self._more.items()
        }
        return {**over, **felt}

    def begin(self, size: int) -> None:
        """Begin a window of so many times, with the share at the end of the last one."""
        for key, parts in self._done.items():
            self._at_once[key] = np.full(size, parts[-1][-1] if parts else 0.0)

    def begin_pass(self) -> None:
        """Begin a pass: a step that is met again is another place."""
        self._places = {}

    def attempts(
        self,
        key: Any,
        times: np.ndarray,
        share: Any,
        again: Any,
        pauses: Sequence[float],
        wait: float,
    ) -> np.ndarray:
        """Return all attempts of what comes to a step."""
        self._places[key] = place = self._places.get(key, 0) + 1
        shares = [again] * len(pauses)
        total = self._all((key, place), times, share, shares, pauses, wait)
        for turn in self._felt.values():
            if turn.key == key and np.shape(turn.felt) == times.shape:
                # Those that nobody feels come as late as the others.
                shares = [
                    np.nan_to_num(after / before)
                    for before, after in itertools.pairwise(turn.made)
                ]
                made = self._all((key, place, "made"), times, share, shares, pauses, wait)
                self._more[turn.name] = np.where(
                    total > 0, made / np.where(total > 0, total, 1), 1
                )
        return total

    def _all(
        self,
        turn: Any,
        times: np.ndarray,
        share: Any,
        again: Sequence[Any],
        pauses: Sequence[float],
        wait: float,
    ) -> np.ndarray:
        """Return attempts, each followed by another with its own probability."""
        total = attempt = np.broadcast_to(np.asarray(share), times.shape)
        late = 1 - self._at_once[turn[0]] if turn[0] in self._at_once else 0.0
        for k, (more, pause) in enumerate(zip(again, pauses, strict=True)):
            fails = attempt * more
            attempt = self._later((*turn, k, "at once"), times, fails * (1 - late), pause)
            if wait:
                comes = self._later((*turn, k, "late"), times, fails * late, pause + wait)
                attempt = attempt + comes
            total = total + attempt
        return total

    def _later(
        self, turn: Any, times: np.ndarray, flow: np.ndarray, delay: float
    ) -> np.ndarray:
        """Return a flow so much later, with what of it came in the windows before."""
        self._failing[turn] = flow
        known = np.concatenate([self._failed.get(turn, flow[:0]), flow])
        found: np.ndarray = np.interp(times - delay, self._grid[: len(known)], known)
        return found

    def learn(self, at: Solved) -> None:
        """Take from what is met the share of what fails that is rejected."""
        for key, (kind, step) in self._tries.items():
            if not _rejects(step.step):
                continue  # What fails is late, and how long the others take is not asked.
            share = rejected_of(step.step.outcome(at.of_kind(kind)))
            self._at_once[key] = np.broadcast_to(share, self._at_once[key].shape)

    def keep(self) -> None:
        """Go on from the end of the window, whose last time comes again in the next."""
        for key, parts in self._done.items():
            parts.append(self._at_once[key][1 if parts else 0 :])
        for turn, fails in self._failing.items():
            past = self._failed.get(turn, fails[:0])
            self._failed[turn] = np.concatenate([past, fails[:-1]])

    def whole(self) -> None:
        """Go through all windows at once, as they are known."""
        self._at_once = {key: np.concatenate(parts) for key, parts in self._done.items()}
        self._failed = {}


def _rejects(step: Step) -> bool:
    """Return whether anything within a step may fail at once, and not by being late."""
    return any(
        (part.loses and not isinstance(part, Timeout))
        or (isinstance(part, Retry) and part.failure is not None)
        for part in step.walk()
    )
