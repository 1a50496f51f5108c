"""Tails and densities of any distribution, with an estimate of the error of each tail.

Shifts are exact, and so are smooth parts with a closed tail. The rest is inverted, and no
inversion is trusted (`qmodel.numerics.inversion`): a cell whose null weights are not null
goes on to the next of these, the others stay as they are:

1. what is made of constant and uniform times, and of at most one uniform and smooth ones, in
   closed form at its kinks; twelve points around the negative axis, where the transform
   continues there, else 31 on a vertical line: right for what has few factors and no kink;
2. the line with 63 and with 255 points: the sum of up to a thousand exponential times, the
   sum of four uniform ones;
3. what the transform says of itself in pieces (`qmodel.distributions.pieces`), each kink in
   closed form, the remainder on the line with 255 points;
4. the line with 1,023 points, at last averages over times that ring at no kink, whose tail
   falls and stays in 0 to 1. What they smear over is the estimate of their error.

Their errors are absolute. A tail that is not large beside its own is inverted once more, tilted
(`qmodel.distributions.deep_tails`), and keeps its leading digits down to the least of floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel.distributions.broadcasting import one_by_one, select, shape_of
from qmodel.distributions.deep_tails import deepened, lost
from qmodel.distributions.pieces import pieces_of, whole_and_rest
from qmodel.distributions.shared import asked_once, each_once, read, transform, transformed
from qmodel.numerics import inversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from qmodel.distributions.base import Distribution

    Faces = tuple[np.ndarray, np.ndarray, np.ndarray]
    """Tail, density, and the error of the tail."""

__all__ = ["CELLS", "Ready", "chunk", "faces", "few_of", "ready"]

CELLS = 2048
"""Cells a chunk: 12 complex points of each fit in the second-level cache."""

_FEW = 64
"""Times of all parts that are inverted together; more are as quick one part after the other."""

_AGREED = 1e-10
_FEW_SMOOTH = 2
"""Smooth pieces that cost no more than the first line: beside a kink it is 3e-9 off."""

_FLOOR = 1e-13, 3e-12
"""What rounding leaves of a tail by Talbot's rule, and by Euler's."""

_POINTS = 1 << 17
"""Points times cells of one pass on a line."""


class _Term(NamedTuple):
    """A closed tail, or one that is inverted, and its share of a smooth part."""

    weight: Any
    distribution: Distribution
    mass: Any
    closed: bool
    analytic: bool


class _Smooth(NamedTuple):
    """A part: its mass, its shift, what is in it, and its atom at the shift."""

    mass: Any
    shift: Any
    terms: tuple[_Term, ...]
    atom: Any


@dataclass(frozen=True, slots=True)
class Ready:
    """A distribution taken apart, once for all times that are asked for."""

    distribution: Distribution
    parts: tuple[_Smooth, ...]
    defect: Any


def ready(distribution: Distribution) -> Ready:
    """Return a distribution in parts, and each of these as what is closed and the rest."""
    with each_once():
        parts = tuple(
            _Smooth(mass, shift, _terms(smooth, mass), read(smooth, "atom"))
            for mass, shift, smooth in distribution.parts()
        )
    return Ready(distribution, parts, asked_once(distribution, "defect"))


def _terms(distribution: Distribution, mass: Any) -> tuple[_Term, ...]:
    # What has a closed tail keeps its kinks; only the rest is inverted, in one if all is.
    terms = () if distribution.closed else distribution.terms()
    if not any(term.closed for _, term in terms):
        return (
            _Term(
                1.0,
                distribution,
                mass,
                distribution.closed,
                distribution.closed or read(distribution, "analytic"),
            ),
        )
    return tuple(
        _Term(weight, term, term.mass, term.closed, term.closed or read(term, "analytic"))
        for weight, term in terms
    )


def faces(distribution: Distribution, t: Any) -> tuple[Any, Any, Any]:
    """Return P(X > t), the density and the error of the tail, of the broadcast shape."""
    shape = np.broadcast_shapes(np.shape(t), shape_of(distribution))
    flat = np.broadcast_to(np.asarray(t, dtype=float), shape).ravel()
    if distribution.nested and shape_of(distribution):
        found = np.empty((3, flat.size))
        for own, one in one_by_one(distribution, shape):
            found[:, own] = faces(one, flat[own])
        return tuple(x.reshape(shape)[()] for x in found)  # type: ignore[return-value]
    found, apart = np.empty((3, flat.size)), ready(distribution)
    for start in range(0, flat.size, CELLS):
        cells = slice(start, min(start + CELLS, flat.size))
        here = few_of(apart, shape, np.arange(cells.start, cells.stop))
        found[:, cells] = chunk(here, flat[cells])
    return tuple(x.reshape(shape)[()] for x in found)  # type: ignore[return-value]


def few_of(of: Ready, shape: tuple[int, ...], cells: np.ndarray) -> Ready:
    """Return a distribution in so many cells of its broadcast shape, as one axis."""
    together = len(shape) < 2 and cells.size == np.prod(shape)
    return of if together else select(of, shape, cells)


def chunk(of: Ready, t: np.ndarray) -> Faces:
    """Return the faces of a distribution with parameters of the one-axis shape of `t`."""
    never = np.broadcast_to(np.asarray(of.defect) >= 1, t.shape)
    if not never.any():
        return _ending(of, t)
    # What never ends is not inverted: no rule finds a transform that is 0.
    found = np.zeros((3, *t.shape))
    found[0] = 1.0
    ends = np.flatnonzero(~never)
    if ends.size:
        found[:, ends] = _ending(select(of, t.shape, ends), t[ends])
    return found[0], found[1], found[2]


def _ending(of: Ready, t: np.ndarray) -> Faces:
    found, early = _summed(of, t)
    # A part that has lost its digits need not be seen in the sum.
    deep = lost(found[0], found[2])
    if deep.size:
        some = select(of, t.shape, deep) if deep.size < t.size else of
        found[:, deep], _ = _summed(some, t[deep], deep=True)
    tail, density, error = found
    if early.any():
        # Before its shift a part does not look at its distribution, which may be unknown.
        unknown = early & asked_once(of.distribution, "unknown")
        tail, density = (np.where(unknown, np.nan, x) for x in (tail, density))
    return np.clip(tail, 0.0, 1.0), np.maximum(density, 0.0), error


def _summed(of: Ready, t: np.ndarray, deep: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of all parts, and where one of them has not begun."""
    found = np.zeros((3, *t.shape))
    early = np.zeros(t.shape, dtype=bool)
    few = len(of.parts) * t.size <= _FEW
    together: list[tuple[_Term, np.ndarray]] = []
    for mass, shift, terms, atom in of.parts:
        after = t - shift
        inside = after > 0
        if inside.all():
            if few and terms[0].analytic and not (terms[0].closed or terms[1:]):
                together.append((terms[0], after))
            else:
                found += _smooth(terms, after, deep)
            continue
        early |= ~inside
        left = np.where(after == 0, mass - atom, 0 * after)
        found[0] += np.where(after < 0, mass, left)
        if inside.any():
            cells = np.flatnonzero(inside)
            found[:, cells] += _smooth(select(terms, t.shape, cells), after[cells], deep)
    if together:
        found += _at_once(together, deep)
    return found, early


def _at_once(parts: list[tuple[_Term, np.ndarray]], deep: bool) -> np.ndarray:
    """Return the sum of parts at times of their own, with what they share found once."""
    times = np.stack([after for _, after in parts])
    mass = np.stack([np.broadcast_to(term.mass, times.shape[1:]) for term, _ in parts])

    def transforms(s: np.ndarray) -> np.ndarray:
        with each_once():
            values = [transform(term.distribution, s) for term, _ in parts]
        own = (np.broadcast_to(x, s.shape)[:, place] for place, x in enumerate(values))
        return np.stack([*own], axis=1)

    with np.errstate(all="ignore"):
        tail, density, doubt = inversion.with_doubt(transforms, mass, times, inversion.TALBOT)
        found = np.stack([tail, density, 3e-8 * doubt + _FLOOR[0]])
        for place, (term, after) in enumerate(parts):
            if not (doubt[place] <= 1).all():
                found[:, place] = _of_term(term, after, deep)
            elif deep:
                found[:, place] = deepened(term.distribution, term.mass, after, found[:, place])
    total: np.ndarray = found.sum(axis=1)
    return total


def _smooth(terms: tuple[_Term, ...], t: np.ndarray, deep: bool) -> Any:
    with np.errstate(all="ignore"):
        if len(terms) == 1:
            return _of_term(terms[0], t, deep)
        found = np.zeros((3, *t.shape))
        for term in terms:
            found += [term.weight * x for x in _of_term(term, t, deep)]
        return found


def _of_term(term: _Term, t: np.ndarray, deep: bool) -> Any:
    if term.closed:
        return *term.distribution.tail_and_density(t), 0 * t
    found = _inverted(term.distribution, term.mass, t, term.analytic)
    if not deep:
        return found
    return deepened(term.distribution, term.mass, t, found)


def _inverted(distribution: Distribution, mass: Any, t: np.ndarray, analytic: bool) -> Any:
    pieces = None if analytic else pieces_of(distribution)
    if (
        pieces is not None
        and pieces.whole
        and sum(term.distribution is not None for term in pieces.terms) <= _FEW_SMOOTH
    ):
        tail, density, error, _ = whole_and_rest(pieces, mass, t)
        doubt = error / 1e-9
    else:
        first = inversion.TALBOT if analytic else inversion.EULER
        of = partial(transformed, distribution)
        tail, density, doubt = inversion.with_doubt(of, mass, t, first)
        error = 3e-8 * doubt + _FLOOR[not analytic]
    # A NaN of unknown parameters stays; one of a transform that has left the floats does not.
    doubtful = ~(doubt <= 1)
    if not doubtful.any():
        return tail, density, error
    late = np.flatnonzero(doubtful & ~asked_once(distribution, "unknown"))
    if not late.size:
        return tail, density, error
    amount = np.asarray(mass)
    # A transform by quadrature costs as much as its points turn.
    fine = asked_once(distribution, "finest") > 1022
    more = (_in_pieces, _on_line(1022)) if fine else ()
    for better in (_on_line(62), _on_line(254), *more, _averaged):
        some = late.size < t.size
        here = select(distribution, t.shape, late) if some else distribution
        found = better(here, select(amount, t.shape, late) if some else amount, t[late])
        # Twelve points that agree with many have the more digits.
        other = ~(analytic & (np.abs(found[0] - tail[late]) <= _AGREED))
        cells = late[other]
        tail[cells], density[cells] = found[0][other], found[1][other]
        error[late] = found[2]
        late = late[~(found[3] <= 1)]
        if not late.size:
            break
    return tail, density, error


def _blocks(points: int, t: np.ndarray) -> Any:
    step = max(1, _POINTS // points)
    return (np.arange(i, min(i + step, t.size)) for i in range(0, t.size, step))


def _on_line(last: int) -> Callable[[Distribution, Any, np.ndarray], Any]:
    def faces(distribution: Distribution, mass: Any, t: np.ndarray) -> Any:
        found = np.empty((4, t.size))
        for cells in _blocks(last, t):
            here, amount = select((distribution, np.asarray(mass)), t.shape, cells)
            tail, density, doubt = inversion.with_doubt(
                partial(transformed, here), amount, t[cells], inversion.line(last)
            )
            found[:, cells] = tail, density, 1e-10 + 1e-9 * doubt, doubt
        return found

    return faces


def _in_pieces(distribution: Distribution, mass: Any, t: np.ndarray) -> Any:
    found = np.full((4, t.size), np.inf)
    pieces = pieces_of(distribution)
    if pieces is None:
        # Nothing is known that the next rule does not find itself.
        found[:2] = np.nan
        return found
    tail, density, error, rest = whole_and_rest(pieces, mass, t)
    found[:] = tail, density, error, error / 1e-9
    if rest is None:
        return found
    for cells in _blocks(254, t):
        few = select((distribution, pieces), t.shape, cells)
        tail, density, doubt = inversion.with_doubt(
            partial(rest, *few), 0.0, t[cells], inversion.line(254)
        )
        found[:, cells] += tail, density, 1e-10 + 1e-9 * doubt, doubt
    return found


def _averaged(distribution: Distribution, mass: Any, t: np.ndarray) -> Any:
    found, last = np.zeros((4, t.size)), asked_once(distribution, "finest")
    for cells in _blocks(last, t):
        here, amount = select((distribution, np.asarray(mass)), t.shape, cells)
        s = inversion.line(last).points[:, None] / t[cells]
        values = np.broadcast_to(transformed(here, s), s.shape)
        ringing, falling = (
            inversion.tail_and_density(lambda _: values, amount, t[cells], rule)  # noqa: B023
            for rule in (inversion.line(last), inversion.smoothed(last))
        )
        found[:3, cells] = *falling, np.abs(ringing[0] - falling[0])
    return found
