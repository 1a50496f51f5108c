"""Load balancing: how requests reach the servers behind a balancer, and what it costs."""

from qmodel.balancing.central_queue import CentralQueue
from qmodel.balancing.comparison import compare
from qmodel.balancing.join_idle import JoinIdleQueue
from qmodel.balancing.join_shortest import LeastConnections
from qmodel.balancing.marginal_cost import marginal_wait
from qmodel.balancing.policies import POLICIES, balanced
from qmodel.balancing.pool import Pool
from qmodel.balancing.power_of_d import PowerOfChoices
from qmodel.balancing.random_split import RandomSplit
from qmodel.balancing.round_robin import RoundRobin
from qmodel.balancing.split import (
    best_split,
    equal_time_split,
    price_of_anarchy,
    square_root_split,
)
from qmodel.balancing.weighted_round_robin import WeightedRoundRobin
from qmodel.balancing.weighted_split import WeightedSplit

__all__ = [
    "POLICIES",
    "CentralQueue",
    "JoinIdleQueue",
    "LeastConnections",
    "Pool",
    "PowerOfChoices",
    "RandomSplit",
    "RoundRobin",
    "WeightedRoundRobin",
    "WeightedSplit",
    "balanced",
    "best_split",
    "compare",
    "equal_time_split",
    "marginal_wait",
    "price_of_anarchy",
    "square_root_split",
]
