"""What a sizing found: how many of each, what they cost, and what decides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qmodel.loads import Closed, Profile, in_words
from qmodel.planning.quantities import quantity_of
from qmodel.planning.slo import parse_objective, unasked_losses
from qmodel.units import text

if TYPE_CHECKING:
    import pandas as pd

    from qmodel.pipeline import Pipeline
    from qmodel.queues.base import Station

__all__ = ["Sizing"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class Sizing:
    """The cheapest numbers of servers and their like that meet objectives.

    Parameters
    ----------
    numbers : mapping of str to int
        How many of each to have, with the spares. [-]
    needed : mapping of str to int
        How many of each the objectives need, without spares. [-]
    least : mapping of str to int
        How many of each it needs though all others are unlimited. [-]
    steady : mapping of str to int
        How many of each a steady state needs, with any latency. [-]
    prices : mapping of str to float
        Price of one of each. [-]
    lots : mapping of str to float
        How much one is, of what is bought in lots. [-]
    cost : float
        Price of all, with the spares. [-]
    bound : float
        What no choice costs less than, with the spares: the cost itself where `exact`. [-]
    exact : bool
        Whether the search was complete, so that nothing is cheaper. [-]
    objectives : tuple of str
        What holds in all scenarios. [-]
    values : mapping of str to mapping of str to float
        For each scenario the value of each objective's quantity, as sized. [-]
    unlimited : mapping of str to mapping of str to float
        The same with unlimited numbers: no number gets below. [-]
    rejected, abandoned : float
        Greatest shares of the requests that are lost in any scenario, as sized. [-]
    binding : str
        What one more of would help most for its price. [-]
    binding_objective : str
        The objective that is nearest to its limit, without the spares. [-]
    binding_scenario : str
        The scenario in which it is. [-]
    with_one_more : mapping of str to float
        The value of the binding objective's quantity with one more of each. [-]
    arrival_rate : float, Closed or Profile
        The load; scenarios may have their own. [1/s]
    model : Pipeline or Station
        The model as sized. [-]

    Examples
    --------
    >>> import qmodel as qm
    >>> agents = qm.size(qm.MMc(180.0), 100 / 1800, "p80 wait < 20 s", spares=1)
    >>> agents.needed, agents.numbers, agents.steady, agents.exact
    ({'servers': 14}, {'servers': 15}, {'servers': 11}, True)
    """

    numbers: Mapping[str, int]
    needed: Mapping[str, int]
    least: Mapping[str, int]
    steady: Mapping[str, int]
    prices: Mapping[str, float]
    lots: Mapping[str, float]
    cost: float
    bound: float
    exact: bool
    objectives: tuple[str, ...]
    values: Mapping[str, Mapping[str, float]]
    unlimited: Mapping[str, Mapping[str, float]]
    rejected: float
    abandoned: float
    binding: str
    binding_objective: str
    binding_scenario: str
    with_one_more: Mapping[str, float]
    arrival_rate: float | Closed | Profile
    model: Pipeline | Station

    @property
    def gap(self) -> float:
        """Share of the cost that a complete search might still save; 0 if exact. [-]."""
        return 0.0 if self.exact else 1 - self.bound / self.cost

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each thing that was sized.

        Returns
        -------
        pandas.DataFrame
            `parameter`, `steady`, `least`, `needed`, `number`, `price`, `cost`, and
            `with_one_more`, the value of the binding objective's quantity. [-]
        """
        import pandas as pd

        frame = pd.DataFrame(
            {
                "parameter": list(self.numbers),
                "steady": list(self.steady.values()),
                "least": list(self.least.values()),
                "needed": list(self.needed.values()),
                "number": list(self.numbers.values()),
                "price": list(self.prices.values()),
                "cost": [n * self.prices[name] for name, n in self.numbers.items()],
                "with_one_more": list(self.with_one_more.values()),
            }
        )
        unit = quantity_of(parse_objective(self.binding_objective).quantity).unit
        frame.attrs["units"] = {"with_one_more": "-" if unit == "%" else unit}
        return frame

    def __str__(self) -> str:
        """Return the answer in one line."""
        lots = {name: f" x {lot:.10g}" for name, lot in self.lots.items()}
        what = ", ".join(f"{n} {count}{lots.get(n, '')}" for n, count in self.numbers.items())
        price = f"cost {self.cost:.6g}"
        price += (
            ", the least" if self.exact else f", at most {text(self.gap, '%')} over the least"
        )
        objective = parse_objective(self.binding_objective)
        value = text(self.values[self.binding_scenario][self.binding_objective],
                     quantity_of(objective.quantity).unit)  # fmt: skip
        where = f" in {self.binding_scenario}" if len(self.values) > 1 else ""
        more = text(self.with_one_more[self.binding], quantity_of(objective.quantity).unit)
        helps = f"makes it {more}" if more != value else "hardly helps"
        lost = unasked_losses(self.objectives, self.rejected, self.abandoned)
        return (
            f"{what} for {' and '.join(self.objectives)} {in_words(self.arrival_rate)} "
            f"({price}): {objective.quantity} is {value}{where}; {self.binding} binds, one "
            f"more {helps}{lost}"
        )

    def __repr__(self) -> str:
        """Return the answer in one line."""
        return f"<{self}>"
