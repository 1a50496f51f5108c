"""Questions to a model, each answered by a value: verdict, facts, tables, pictures.

=============  ==========================================================================
`solve`        how much load it sustains, how long requests take, what is lost, and where
`capacity`     how much load it takes within its objectives, and what is lost there
`check`        which objectives it meets: for a build to go on or to stop
`crowd`        what a load that changes in time does, and what would be enough
`compare`      models side by side at the same load
`sweep`        a grid of loads and parameters
`cache`        what memory, policy and the loss of a cache do
`balance`      what the policy of a load balancer does
`replay`       a recorded load, row by row
`hysteresis`   all steady states of clients who try again, and what brings a site back
`explain`      where a number comes from
`size`         how many of each, for the least cost
`outages`      what remains when a cache, a server or a zone is lost
`sensitivity`  which numbers decide
`uncertainty`  how sure that is
`calibration`  which numbers of a model were measured, and how well they are known
`backtest`     what it predicts beside what was measured
=============  ==========================================================================

An `Answer` prints its verdict, shows itself in a notebook, and becomes a frame, Markdown, JSON
or HTML. The command line ``qmodel`` asks the same questions.
"""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.answers.answer import Answer, Column, Fact, Formula, Table
    from qmodel.answers.back_test import backtest
    from qmodel.answers.cache_report import cache
    from qmodel.answers.calibrated import calibration
    from qmodel.answers.comparison import compare
    from qmodel.answers.cost_steps import frontier
    from qmodel.answers.crowds import crowd
    from qmodel.answers.explained import explain
    from qmodel.answers.influence import sensitivity
    from qmodel.answers.intervals import uncertainty
    from qmodel.answers.least_cost import size
    from qmodel.answers.lost_parts import outages
    from qmodel.answers.most_load import capacity
    from qmodel.answers.parameter_list import parameters
    from qmodel.answers.policies import balance
    from qmodel.answers.recorded import replay
    from qmodel.answers.replicas import Replicas, replica_of, replicas_in
    from qmodel.answers.scenarios import sweep
    from qmodel.answers.steady_state import solve
    from qmodel.answers.steady_states import hysteresis
    from qmodel.answers.verdicts import check, gathered, junit

__all__ = [
    "Answer",
    "Column",
    "Fact",
    "Formula",
    "Replicas",
    "Table",
    "backtest",
    "balance",
    "cache",
    "calibration",
    "capacity",
    "check",
    "compare",
    "crowd",
    "explain",
    "frontier",
    "gathered",
    "hysteresis",
    "junit",
    "outages",
    "parameters",
    "replay",
    "replica_of",
    "replicas_in",
    "sensitivity",
    "size",
    "solve",
    "sweep",
    "uncertainty",
]

lazily(
    __name__,
    {
        "answer": "Answer Column Fact Formula Table",
        "back_test": "backtest",
        "cache_report": "cache",
        "calibrated": "calibration",
        "comparison": "compare",
        "cost_steps": "frontier",
        "crowds": "crowd",
        "explained": "explain",
        "influence": "sensitivity",
        "intervals": "uncertainty",
        "least_cost": "size",
        "lost_parts": "outages",
        "most_load": "capacity",
        "parameter_list": "parameters",
        "policies": "balance",
        "recorded": "replay",
        "replicas": "Replicas replica_of replicas_in",
        "scenarios": "sweep",
        "steady_state": "solve",
        "steady_states": "hysteresis",
        "verdicts": "check gathered junit",
    },
)
