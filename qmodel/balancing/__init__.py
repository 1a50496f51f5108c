"""Load balancing: how requests reach the servers behind a balancer, and what it costs."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.balancing.central_queue import CentralQueue
    from qmodel.balancing.comparison import compare
    from qmodel.balancing.fan_out import fork_join, hedging
    from qmodel.balancing.fan_out.tail_amplification import leaf_percentile, slow_share
    from qmodel.balancing.fan_out.tied_requests import TiedRequests
    from qmodel.balancing.hashing.hash_ring import (
        ring_imbalance,
        ring_imbalance_quantile,
        ring_imbalance_tail,
        ring_shares,
        virtual_nodes_needed,
    )
    from qmodel.balancing.hashing.hashed_keys import (
        keys_imbalance,
        keys_imbalance_quantile,
        keys_imbalance_tail,
    )
    from qmodel.balancing.hashing.hot_keys import (
        hot_imbalance,
        hot_imbalance_quantile,
        useful_shards,
    )
    from qmodel.balancing.join_idle import JoinIdleQueue
    from qmodel.balancing.join_shortest import LeastConnections
    from qmodel.balancing.marginal_cost import marginal_wait
    from qmodel.balancing.policies import POLICIES, balanced
    from qmodel.balancing.pool import Pool
    from qmodel.balancing.power_of_d import PowerOfChoices
    from qmodel.balancing.random_split import RandomSplit
    from qmodel.balancing.reliability import breakdowns
    from qmodel.balancing.reliability.availability import (
        availability,
        in_parallel,
        in_series,
        k_of_n,
        replicas_needed,
    )
    from qmodel.balancing.reliability.failures import Failing, FailingResult, rate_after_loss
    from qmodel.balancing.reliability.regions import (
        detour_after_loss,
        shares_after_loss,
        surviving_rate,
    )
    from qmodel.balancing.round_robin import RoundRobin
    from qmodel.balancing.sharded import Sharded, shares_of_imbalance, usable_capacity
    from qmodel.balancing.split import (
        best_split,
        equal_time_split,
        price_of_anarchy,
        square_root_split,
    )
    from qmodel.balancing.two_queues import ShorterOfTwo, shorter_of_two
    from qmodel.balancing.weighted_round_robin import WeightedRoundRobin
    from qmodel.balancing.weighted_split import WeightedSplit

__all__ = [
    "POLICIES",
    "CentralQueue",
    "Failing",
    "FailingResult",
    "JoinIdleQueue",
    "LeastConnections",
    "Pool",
    "PowerOfChoices",
    "RandomSplit",
    "RoundRobin",
    "Sharded",
    "ShorterOfTwo",
    "TiedRequests",
    "WeightedRoundRobin",
    "WeightedSplit",
    "availability",
    "balanced",
    "best_split",
    "breakdowns",
    "compare",
    "detour_after_loss",
    "equal_time_split",
    "fork_join",
    "hedging",
    "hot_imbalance",
    "hot_imbalance_quantile",
    "in_parallel",
    "in_series",
    "k_of_n",
    "keys_imbalance",
    "keys_imbalance_quantile",
    "keys_imbalance_tail",
    "leaf_percentile",
    "marginal_wait",
    "price_of_anarchy",
    "rate_after_loss",
    "replicas_needed",
    "ring_imbalance",
    "ring_imbalance_quantile",
    "ring_imbalance_tail",
    "ring_shares",
    "shares_after_loss",
    "shares_of_imbalance",
    "shorter_of_two",
    "slow_share",
    "square_root_split",
    "surviving_rate",
    "usable_capacity",
    "useful_shards",
    "virtual_nodes_needed",
]

lazily(
    __name__,
    {
        "central_queue": "CentralQueue",
        "comparison": "compare",
        "fan_out.tail_amplification": "leaf_percentile slow_share",
        "fan_out.tied_requests": "TiedRequests",
        "hashing.hash_ring": """
            ring_imbalance ring_imbalance_quantile ring_imbalance_tail ring_shares
            virtual_nodes_needed
        """,
        "hashing.hashed_keys": "keys_imbalance keys_imbalance_quantile keys_imbalance_tail",
        "hashing.hot_keys": "hot_imbalance hot_imbalance_quantile useful_shards",
        "join_idle": "JoinIdleQueue",
        "join_shortest": "LeastConnections",
        "marginal_cost": "marginal_wait",
        "policies": "POLICIES balanced",
        "pool": "Pool",
        "power_of_d": "PowerOfChoices",
        "random_split": "RandomSplit",
        "reliability.availability": "availability in_parallel in_series k_of_n replicas_needed",
        "reliability.failures": "Failing FailingResult rate_after_loss",
        "reliability.regions": "detour_after_loss shares_after_loss surviving_rate",
        "round_robin": "RoundRobin",
        "sharded": "Sharded shares_of_imbalance usable_capacity",
        "split": "best_split equal_time_split price_of_anarchy square_root_split",
        "two_queues": "ShorterOfTwo shorter_of_two",
        "weighted_round_robin": "WeightedRoundRobin",
        "weighted_split": "WeightedSplit",
    },
    modules="fan_out.fork_join fan_out.hedging reliability.breakdowns",
)
