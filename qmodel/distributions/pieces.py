r"""Distributions in pieces: what has kinks, in closed form.

The transform of a uniform time between a and b is :math:`(e^{-as} - e^{-bs}) / ((b - a) s)`:
two shifted ramps. Of times that are constant, uniform, or one of a few values, and of sums
and mixtures of these among each other and with smooth times, the transform is

.. math:: F(s) = \sum_j w_j \frac{e^{-d_j s}}{s^{n_j}} H_j(s) ,

with smooth :math:`H_j`, so that its tail is a sum of powers :math:`(t - d_j)^{n_j}` (the
distribution of Irwin and Hall, of sums of equal uniform times), or of repeated integrals of a
smooth one, with every kink where it belongs. No number of pieces makes a queue, but the first
of its busy periods are made so: what is left after the first terms of the geometric sum

.. math:: \sum_k (1 - \rho) \rho^k B_e(s)^k

in a queue of one server has its kinks in high derivatives only, and is inverted.

References
----------
.. [1] W. Feller, "An Introduction to Probability Theory and Its Applications, Volume II",
   2nd ed., Wiley, 1971, ch. I.9 and XI.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from math import factorial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qmodel.numerics import inversion

if TYPE_CHECKING:
    from qmodel.distributions.base import Distribution

    Summed = Callable[[tuple[Distribution, ...]], Distribution]

__all__ = [
    "MOST",
    "Piece",
    "Pieces",
    "geometric_sum",
    "greatest",
    "pieces_of",
    "product",
    "whole_and_rest",
]

MOST = 128
"""Pieces beyond which the next rule costs less."""

_TERMS = 4


class Piece(NamedTuple):
    """One of the terms: `weight`, `shift`, power of 1/s, and what is smooth, if anything."""

    weight: Any
    shift: Any
    power: int = 0
    distribution: Distribution | None = None


class Pieces(NamedTuple):
    """Some terms of a transform, and whether they are all of it."""

    terms: tuple[Piece, ...]
    whole: bool = True


def pieces_of(distribution: Distribution) -> Pieces | None:
    """Return the pieces of what has kinks, or None where they are not known, or too many."""
    if distribution.analytic:
        return None
    pieces = distribution.pieces()
    return pieces if pieces is not None and len(pieces.terms) <= MOST else None


def greatest(distribution: Distribution) -> Any:
    """Return the time that is never exceeded; infinite where the pieces know of none."""
    pieces = pieces_of(distribution)
    if pieces is None or not pieces.whole or any(term.distribution for term in pieces.terms):
        return np.inf
    ends = (np.where(np.not_equal(w, 0), d, 0.0) for w, d, *_ in pieces.terms)
    return reduce(np.maximum, ends)


def product(factors: Iterable[Pieces], summed: Summed | None = None) -> Pieces | None:
    """Return the pieces of a sum of independent times, or None if there are too many.

    `summed` makes one smooth distribution of several, where more than one of the factors may
    have one.
    """
    found = Pieces((Piece(1.0, 0.0),))
    for other in factors:
        if len(found.terms) * len(other.terms) > MOST**2:
            return None
        terms = merged(_times(a, b, summed) for a in found.terms for b in other.terms)
        if len(terms) > MOST:
            return None
        found = Pieces(terms, found.whole and other.whole)
    return found


def _times(a: Piece, b: Piece, summed: Summed | None) -> Piece:
    distribution = (
        summed((a.distribution, b.distribution))
        if summed and a.distribution and b.distribution
        else a.distribution or b.distribution
    )
    return Piece(a.weight * b.weight, a.shift + b.shift, a.power + b.power, distribution)


def merged(terms: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the terms with those of equal shift, power and distribution added up."""
    by_kind: dict[Any, Piece] = {}
    for each in terms:
        term = each
        # Sums of the same numbers in another order differ by a rounding.
        mantissa, exponent = np.frexp(term.shift)
        key = (
            term.power,
            id(term.distribution),
            np.round(mantissa, 12).tobytes(),
            np.asarray(exponent).tobytes(),
        )
        if key in by_kind:
            term = term._replace(weight=by_kind[key].weight + term.weight)
        by_kind[key] = term
    return tuple(by_kind.values())


def geometric_sum(service: Pieces, mean: Any, load: Any) -> Pieces | None:
    """Return the first terms of the sum of (1 - load) load^k residual times, k >= 1.

    None where the service has a smooth piece, which rounds the kinks off, or is too much.
    """
    if not service.whole or any(term.distribution for term in service.terms):
        return None
    left = tuple(
        Piece(-term.weight / mean, term.shift, term.power + 1) for term in service.terms
    )
    residual = Pieces(merged((Piece(1 / mean, 0.0, 1), *left)))
    power = Pieces((Piece(1 - load, 0.0),))
    found: list[Piece] = []
    for _ in range(_TERMS):
        more = product((power, residual))
        if more is None or len(found) + len(more.terms) > MOST:
            break
        power = Pieces(tuple(term._replace(weight=load * term.weight) for term in more.terms))
        found.extend(power.terms)
    return Pieces(merged(found), whole=False) if found else None


def whole_and_rest(
    pieces: Pieces, mass: Any, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """Return tail, density and error of the pieces at `t`, and the transform of the rest.

    The rest takes a distribution, its pieces and points; it is None where the pieces are all.
    """
    below, density, size = np.zeros(t.shape), np.zeros(t.shape), np.zeros(t.shape)
    for weight, shift, power, distribution in pieces.terms:
        # A time a rounding before a jump is behind it.
        after = t - shift
        started = after > -1e-15 * t
        x = np.where(started, np.maximum(after, 0.0), 0.0)
        if distribution is None:
            ramp = np.where(started, x**power / factorial(power), 0.0)
            slope = x ** (power - 1) / factorial(power - 1) if power else 0.0
            doubt: Any = 0.0
        else:
            ramp, slope, doubt = _integrated(distribution, power, np.where(x > 0, x, 1.0))
            ramp, slope, doubt = (np.where(x > 0, y, 0.0) for y in (ramp, slope, doubt))
        below += weight * ramp
        density += np.where(started, weight * slope, 0.0)
        size += np.abs(weight) * (
            np.abs(ramp) * (4e-16 if distribution is None else 1e-13) + doubt
        )
    return mass - below, density, size, None if pieces.whole else _rest


def _integrated(distribution: Distribution, power: int, x: np.ndarray) -> tuple[Any, Any, Any]:
    """Return the integral of order `power` of P(X <= x), its slope, and its error."""
    rule = inversion.TALBOT
    s = rule.points[:, None] / x
    values = np.broadcast_to(distribution.laplace(s), s.shape)
    size = x**power / factorial(power)
    doubt = inversion.with_doubt(lambda _: values, distribution.mass, x, rule)[2]
    powers = rule.points ** -float(power)
    ramp = np.einsum("k,k...->...", rule.tail_weights * powers, values).real * x**power
    slope = np.einsum("k,k...->...", rule.weights * powers, values).real * x ** (power - 1.0)
    # With a doubt above 1 nothing is known.
    return ramp, slope, size * np.where(doubt <= 1, 1e-9 * doubt**2 + 1e-13, np.inf)


def _rest(distribution: Distribution, pieces: Pieces, s: Any) -> Any:
    """Return the transform at `s` of what the pieces leave."""

    def taken(term: Piece) -> Any:
        smooth = 1.0 if term.distribution is None else term.distribution.laplace(s)
        return term.weight * np.exp(-s * term.shift) / s**term.power * smooth

    return reduce(lambda left, term: left - taken(term), pieces.terms, distribution.laplace(s))
