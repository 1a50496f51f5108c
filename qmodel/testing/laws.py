"""The laws of queues as assertions: each says what fails, by how much, and where.

=========================================  ============================================
of one result                              `littles_law`, `flow_balance`, `pasta`
of how a model is put together             `visits`, `idle_latency`, `agrees_with`
of a model and its parameters              `monotone_in_load`, `monotone_in`,
                                           `change_of_time_unit`, `array_equals_cells`,
                                           `float_equals_symbolic`
between models                             `agree`, `tends_to`, `insensitive`,
                                           `conservation_law`
of a law of times                          `quantile_inverts_tail`,
                                           `mean_is_integral_of_tail`,
                                           `mean_is_slope_of_transform`
=========================================  ============================================

Cells of overload, where means are ``inf``, are left out; NaN fails.

Examples
--------
>>> import qmodel as qm
>>> from qmodel.testing import laws
>>> laws.littles_law(qm.MMc(0.2, servers=4).solve(9.0))
>>> laws.agree(qm.MMc(0.2), qm.MG1(qm.Exponential(0.2)), arrival_rate=4.0)
>>> laws.agree(qm.MMc(0.2), qm.MG1(qm.Deterministic(0.2)), arrival_rate=4.0)
Traceback (most recent call last):
    ...
AssertionError: the models agree: waiting_time is 0.8, should be 0.4 (off by 1)
"""

from qmodel.testing.distribution_laws import is_a_distribution, quantiles_rise, tail_falls
from qmodel.testing.measurements import agrees_with
from qmodel.testing.model_laws import (
    agree,
    array_equals_cells,
    change_of_time_unit,
    float_equals_symbolic,
    insensitive,
    monotone_in,
    monotone_in_load,
    tends_to,
)
from qmodel.testing.result_laws import (
    conservation_law,
    flow_balance,
    littles_law,
    pasta,
)
from qmodel.testing.structure_laws import idle_latency, visits
from qmodel.testing.time_laws import (
    mean_is_integral_of_tail,
    mean_is_slope_of_transform,
    quantile_inverts_tail,
)

__all__ = [
    "agree",
    "agrees_with",
    "array_equals_cells",
    "change_of_time_unit",
    "conservation_law",
    "float_equals_symbolic",
    "flow_balance",
    "idle_latency",
    "insensitive",
    "is_a_distribution",
    "littles_law",
    "mean_is_integral_of_tail",
    "mean_is_slope_of_transform",
    "monotone_in",
    "monotone_in_load",
    "pasta",
    "quantile_inverts_tail",
    "quantiles_rise",
    "tail_falls",
    "tends_to",
    "visits",
]
