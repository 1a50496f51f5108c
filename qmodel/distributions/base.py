r"""The distribution of a time: one interface for service, wait, response and latency.

A distribution is known by its transform :math:`F(s) = E[e^{-sX}]`. Everything else derives from
it: tail and density by inversion, quantiles by Newton steps on the log of the tail; a
distribution with closed forms says so (`closed`) and gives them instead.

**Shapes.** The parameters of a distribution broadcast against each other, and against `t` and
`p`. Scalars in, scalars out. Three percentiles of a distribution with array parameters of shape
(n,) are ``distribution.quantile(p[:, None])`` of shape (3, n).

**Parts.** Inversion wants smooth functions, and distributions of systems are not smooth: a
constant delay shifts, a mixture of constant delays jumps. Each distribution therefore splits
into `parts` of known mass and shift, smooth after its shift; the shifts are handled exactly.

**Equality.** Two distributions of one kind with equal parameters are equal, whatever objects
they are.

**Infinity.** A station in overload has ``P(X = inf) = 1`` (`defect`); quantiles beyond
``1 - defect`` are ``inf``. NaN parameters give NaN.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from qmodel import _check
from qmodel._checked import checked
from qmodel._fields import Model
from qmodel._typing import Value
from qmodel._values import digest_fields, same_fields
from qmodel._xp import is_symbolic
from qmodel.distributions.arguments import check_arguments
from qmodel.distributions.percentiles import quantile, quantile_of_moments
from qmodel.distributions.pieces import Piece, Pieces
from qmodel.distributions.tails import faces
from qmodel.errors import ModelError
from qmodel.units import text

__all__ = ["Distribution", "Part"]


class Part(NamedTuple):
    """A part of a distribution: `mass`, a shift in time, and what is smooth after it."""

    mass: Any
    shift: Any
    distribution: Any


class Distribution(Model, ABC):
    """The distribution of a time X >= 0.

    A concrete distribution gives `mean`, `variance` and `laplace`; one with closed forms sets
    `closed` and overrides `tail` and `density`.
    """

    __slots__ = ()

    closed: ClassVar[bool] = False
    """Whether `tail` and `density` are closed forms, with no inversion."""

    def __init_subclass__(cls) -> None:
        """Put the checks of arguments around the methods of each class."""
        super().__init_subclass__()
        check_arguments(cls)

    if TYPE_CHECKING:

        @property
        def mean(self) -> Value:
            """Mean, E[X]. [s]."""

        @property
        def variance(self) -> Value:
            """Variance. [s^2]."""

    def __repr__(self) -> str:
        """Return the kind and the mean; families show their parameters instead."""
        name, mean = type(self).__name__.strip("_"), self.mean
        if is_symbolic(mean) or np.ndim(mean):
            return f"<{name} of shape {np.shape(mean)}>" if np.ndim(mean) else f"<{name}>"
        return f"<{name}, mean {text(float(mean), 's')}>"

    def __eq__(self, other: object) -> bool:
        """Return whether the other is of the same kind with the same parameters."""
        return same_fields(self, other)

    def __hash__(self) -> int:
        """Return what equal distributions share."""
        return digest_fields(self)

    @abstractmethod
    def laplace(self, s: Value) -> Value:
        """Return the transform E[exp(-s X)] at `s`, real, complex or symbolic [1/s]."""

    def remaining_gap(self, s: Value) -> Value:
        """Return 1 - E[exp(-s R)], with R the time that remains when an arrival looks.

        R has density P(X > t) / E[X]. Near zero the gap is small, and a queue close to
        saturation lives on its digits: distributions with a closed form that keeps them
        override this one, which is right to 6e-8 relative for gamma distributions with an SCV
        of 0.1 to 10.

        Parameters
        ----------
        s : number or array
            Where, real, complex or symbolic. [1/s]

        Returns
        -------
        number or array
            The gap, of the broadcast shape. [-]
        """
        x, scv = self.mean * s, self.scv
        if is_symbolic(x):
            return 1 - (1 - self.laplace(s)) / x
        third = self.third_cumulant / self.mean**3 + 3 * scv + 1
        with np.errstate(all="ignore"):
            series = x * (1 + scv) / 2 - x**2 * third / 6
            # Where the ratio of the moments stands for those beyond, still small.
            near = (abs(x) * third < 3e-4 * (1 + scv)) & np.isfinite(third)
            return np.where(near, series, 1 - (1 - self.laplace(s)) / x)[()]

    @property
    def unknown(self) -> Any:
        """Where a parameter is NaN, and everything with it."""
        with np.errstate(all="ignore"):
            return np.isnan(self.mean)

    @property
    def scv(self) -> Value:
        """Squared coefficient of variation, variance over squared mean. [-]."""
        return self.variance / self.mean**2

    @property
    def third_cumulant(self) -> Value:
        """Third cumulant E[(X - E[X])^3]. [s^3].

        By Cauchy's integral of log F around 0, to about 1e-9 relative, unless the distribution
        has a closed form.
        """
        points = np.exp(2j * np.pi * np.arange(16) / 16)
        scale = np.asarray(self.mean + np.sqrt(self.variance))
        radius = 0.05 / scale
        values = np.log([self.laplace(radius * z) for z in points])
        weights = points.reshape(-1, *[1] * scale.ndim) ** -3
        return (-6 * (values * weights).mean(axis=0) / radius**3).real[()]

    @property
    def atom(self) -> Value:
        """Probability of the value 0, P(X = 0). [-]."""
        return 0.0

    @property
    def defect(self) -> Value:
        """Probability of no end, P(X = inf): 1 in overload. [-]."""
        return 0.0

    of_smooth: bool = False
    """Whether a closed tail is smooth where those of the distributions within are."""

    deep: bool = False
    """Whether it is an extreme of times of which one has an extreme in a row with others."""

    nested: bool = False
    """Whether such an extreme is in a row with others: cells are solved one by one."""

    @property
    def analytic(self) -> bool:
        """Whether the transform continues smoothly to the left half-plane (after shifts)."""
        return True

    @property
    def exponential_limit(self) -> Value:
        """The s below which E[exp(s X)] is finite, inf if bounded. [1/s].

        0 if the tail is heavy, and where the limit is not known.
        """
        return 0.0

    @property
    def finest(self) -> int:
        """Number of points on a line beyond which the transform costs too much. [-]."""
        return 4094

    @property
    def mass(self) -> Value:
        """Total probability, infinity included: 1 but for parts of a distribution. [-]."""
        return 1.0

    def terms(self) -> tuple[tuple[Value, Distribution], ...]:
        """Return the distribution as weights and distributions; one but for mixtures."""
        return ((1.0, self),)

    def parts(self) -> tuple[Part, ...]:
        """Return the distribution as masses, shifts and smooth distributions."""
        return (Part(1.0, 0.0, self),)

    def pieces(self) -> Pieces | None:
        """Return the terms of the transform that hold the kinks, or None if not known."""
        return Pieces((Piece(1.0, 0.0, 0, self),)) if self.analytic else None

    def tail(self, t: Value) -> Value:
        """Return P(X > t) [-].

        Parameters
        ----------
        t : number or array
            Time; 1 below zero. [s]

        Returns
        -------
        number or array
            Probability, of the broadcast shape. [-]
        """
        return faces(self, t)[0]

    def density(self, t: Value) -> Value:
        """Return the density of X at `t`, without its atoms [1/s].

        Parameters
        ----------
        t : number or array
            Time; 0 below zero. [s]

        Returns
        -------
        number or array
            Density, of the broadcast shape. [1/s]
        """
        return faces(self, t)[1]

    def tail_and_density(self, t: Value) -> tuple[Value, Value]:
        """Return `tail` and `density` at `t` [s], at the price of one where they share work."""
        if self.closed:
            return self.tail(t), self.density(t)
        tail, density, _ = faces(self, t)
        return tail, density

    def far_faces(self, t: np.ndarray) -> Any:
        """Return tail, densities and error where a tail without a limit is small, or None.

        `t` has three rows of times, of which each is a little later than the one before: the
        tail and its error are at the second, the densities at all.
        """
        if not self.closed:
            return None
        tail, density = self.tail_and_density(t)
        return tail[1], density, 0.0 * tail[1]

    def between_jumps(self, q: np.ndarray) -> tuple[Any, Any, Any] | None:
        """Return where the tail jumps past `q`, else NaN, and the jumps before and after.

        None of what has no jumps but those of its parts.
        """
        return None

    def guess(self, p: Any, least: Any) -> tuple[Any, Any]:
        """Return a first guess of the quantile at `p`, and a bound above it.

        The guess is the quantile of a gamma distribution, or of a skewer one, with the mean
        beyond `least` and the variance; the bound is Cantelli's. NaN where the moments are not
        known.
        """
        mean, variance = self.mean + 0 * p, self.variance + 0 * p
        start = quantile_of_moments(mean - least, variance, p) + least
        bound = mean + np.sqrt(variance * p / (1 - p))
        bound = np.where(np.isfinite(bound), bound, np.inf)
        return np.where(np.isnan(mean), np.nan, start), bound

    def tail_error(self, t: Value) -> Value:
        """Return an estimate of the absolute error of `tail` at `t` [-].

        A closed form is right to rounding: 0. An inverted tail states what the rule that
        was accepted for it leaves, mostly 1e-13 to 1e-9, and up to 1e-4 next to a kink that
        no rule resolves.

        Parameters
        ----------
        t : number or array
            Time. [s]

        Returns
        -------
        number or array
            Error, of the broadcast shape. [-]
        """
        return faces(self, t)[2]

    def cdf(self, t: Value) -> Value:
        """Return P(X <= t) [-].

        Parameters
        ----------
        t : number or array
            Time. [s]

        Returns
        -------
        number or array
            Probability, of the broadcast shape. [-]
        """
        return 1 - self.tail(t)

    @checked
    def quantile(self, p: Value) -> Value:
        """Return the least t with P(X <= t) >= p.

        Parameters
        ----------
        p : number or array
            Probability from 0 to 1. [-]

        Returns
        -------
        number or array
            Time, of the broadcast shape; inf in overload. [s]

        Raises
        ------
        DomainError
            If `p` is outside 0 to 1.
        ModelError
            If something is a symbol, and the quantile has no formula.
        """
        p = _check.probability("p", p)
        try:
            return quantile(self, p)
        except TypeError:
            # NumPy refuses symbols; asking for them first would cost each percentile a mean.
            if not is_symbolic(p, self.mean):
                raise
        return self._quantile_on_symbols(p)

    def _quantile_on_symbols(self, p: Any) -> Any:
        """Return the formula of the quantile where there is one; refuse where there is none."""
        kind = type(self).__name__.strip("_")
        raise ModelError(
            f"a quantile of {kind} has no formula on symbols: put numbers in, or take its tail "
            "or transform"
        )


check_arguments(Distribution)
