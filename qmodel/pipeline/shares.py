"""Shares that sum to 1: branch probabilities, and the kinds of request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qmodel import _check
from qmodel._xp import is_symbolic
from qmodel.errors import DomainError, ModelError

__all__ = ["kinds_of_requests", "labels", "rescaled"]


def labels(names: Sequence[str]) -> list[str]:
    """Return the names, numbered where one stands several times: disk, disk 2."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def rescaled(what: str, old: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the shares with some of them changed; the others keep their ratios.

    Raises `DomainError` if the changed ones are no shares, sum to more than 1, or leave
    something to others whose shares are all zero.
    """
    new = {name: _check.probability(name, value) for name, value in changes.items()}
    taken: Any = sum(new.values())
    others = [value for name, value in old.items() if name not in new]
    if not others:
        return _check.weights(f"each {what}", [new[name] for name in old])
    rest: Any = sum(others)
    if is_symbolic(taken, rest):
        factor = (1 - taken) / rest
    else:
        if np.any(np.asarray(taken) > 1 + 1e-9):
            raise DomainError(f"{', '.join(new)} must sum to at most 1, got {np.max(taken):g}")
        left = np.maximum(1 - np.asarray(taken), 0.0)
        if np.any((np.asarray(rest) == 0) & (left > 1e-9)):
            unnamed = ", ".join(name for name in old if name not in new)
            raise DomainError(f"{', '.join(new)} must sum to 1, as {unnamed} is 0")
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(np.asarray(rest) == 0, 0.0, left / rest)[()]
    return tuple(new[name] if name in new else value * factor for name, value in old.items())


def kinds_of_requests(path: Any) -> dict[str, tuple[Any, Any]]:
    """Return the kinds of request of a pipeline, each with its share and its step."""
    if not isinstance(path, Mapping):
        raise ModelError(f"a pipeline is of a Step or of kinds of request, got {path!r}")
    for kind, pair in path.items():
        if not isinstance(kind, str) or not kind or "." in kind:
            raise ModelError(f"a kind of request must be text without a dot, got {kind!r}")
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ModelError(f"kind {kind!r} must be a pair (share, step), got {pair!r}")
    return dict(path)
