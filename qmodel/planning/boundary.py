"""The boundary value of a parameter, and on which side of it the objectives hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qmodel._frames import frame_of
from qmodel._typing import Value
from qmodel.errors import ModelError
from qmodel.loads import Load, Profile, columns_of, in_words
from qmodel.planning.slo import unasked_losses
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Boundary", "Side"]

Side = Literal["at least", "at most", "between", "any"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Boundary:
    """Where a parameter begins, or ceases, to be good enough.

    Parameters
    ----------
    parameter : str
        The parameter. [-]
    side : {"at least", "at most", "between", "any"}
        Where the objectives hold: from the boundary on, up to it, between two, or wherever
        the parameter is. [-]
    low, high : number or array
        The least and the greatest value with which they hold: the ends of the domain where
        nothing else ends it, ``inf`` and ``-inf`` where no value is good enough. [-]
    objectives : tuple of str
        What must hold; empty for a steady state. [-]
    load : number, array or Load
        The load. [1/s]
    whole : bool
        Whether the parameter is a whole number. [-]
    unit : str
        Its unit, "-" for none. [-]
    rejected, abandoned : number or array
        Shares of the requests that are lost at the boundary; NaN where there is none. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> agents = qm.solve_for(qm.MMc(180.0, servers=10), "servers", 1 / 18, "p80 wait < 20 s")
    >>> print(agents)
    servers at least 14: p80 wait < 20 s holds at 0.0556/s
    >>> agents.value, agents.side
    (14, 'at least')
    """

    parameter: str
    side: Side
    low: Value
    high: Value
    objectives: tuple[str, ...]
    load: Value | Load
    whole: bool
    unit: str
    rejected: Value
    abandoned: Value

    @property
    def value(self) -> Value:
        """The boundary: the least value, or the greatest, that is good enough. [-].

        Raises
        ------
        ModelError
            If there are two boundaries, or none.
        """
        if self.side not in ("at least", "at most"):
            raise ModelError(f"there is no one boundary: {self}; see `low` and `high`")
        found = self.low if self.side == "at least" else self.high
        if not self.whole or not np.all(np.isfinite(found)):
            return found
        return int(found) if np.ndim(found) == 0 else np.asarray(found).astype(int)

    def __float__(self) -> float:
        """Return the boundary of one scenario."""
        return float(self.value)

    def __int__(self) -> int:
        """Return the boundary of one scenario, which must be a whole number."""
        value = self.value
        if not self.whole:
            raise ModelError(f"{self.parameter} is no whole number: {value}")
        return int(value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the boundary of each scenario."""
        return np.array(self.value, dtype=dtype)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each scenario.

        Returns
        -------
        pandas.DataFrame
            The load, `low`, `high`, `rejected`, `abandoned`. [-]
        """
        columns = columns_of(self.load)
        columns |= {n: getattr(self, n) for n in ("low", "high", "rejected", "abandoned")}
        frame = frame_of(columns, parameter=self.parameter, side=self.side)
        frame.attrs["units"] |= dict.fromkeys(("low", "high"), self.unit)
        return frame

    def __str__(self) -> str:
        """Return the answer in one line, where there is one scenario."""
        if np.ndim(self.low) or any(map(np.ndim, columns_of(self.load).values())):
            what = " and ".join(self.objectives) or "a steady state"
            return f"Boundary of {self.parameter}, {self.side}, for {what}"
        at = in_words(self.load) if self.load is not None else ""
        holds = "hold" if len(self.objectives) > 1 else "holds"
        what = f"{' and '.join(self.objectives)} {holds}"
        if not self.objectives:
            over = isinstance(self.load, Profile)
            what = "it is over at the end" if over else "there is a steady state"
        digits = 12 if self.whole else 5
        low, high = (text(float(x), self.unit, digits=digits) for x in (self.low, self.high))
        where = {
            "at least": f"at least {low}",
            "at most": f"at most {high}" if np.isfinite(self.high) else "of any value",
            "between": f"between {low} and {high}",
            "any": "of any value",
        }[self.side]
        lost = unasked_losses(self.objectives, self.rejected, self.abandoned)
        return f"{self.parameter} {where}: {what} {at}{lost}"

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"
