"""What the figures of a held pool rest on, with the errors that were measured."""

from __future__ import annotations

from qmodel.basis import APPROXIMATE, Assumption

__all__ = ["FLOW_EQUIVALENCE", "HELD_AS_EXPONENTIAL", "HELD_MET", "HELD_PERMITS", "HELD_PHASES"]

HELD_PERMITS = Assumption(
    "held-permits",
    "a permit is held from its first to its last station inside, waits there included",
    "Neuts 1981",
)
HELD_MET = Assumption(
    "held-met",
    "how long holders stay follows from the number of others that they find at each station, "
    "those that waited for a permit apart from the others, with the means of the chain, and "
    "the wait for a permit has its first three moments; the mean was within 1 % and the p99 "
    "within 3 % of simulations with exponential service (3 to 48 permits, two stations inside, "
    "to 90 % load), but the p99 8 to 11 % high with two or three equal queues of one server, "
    "which are not long at once; the p99 of that wait within 0.3 % of the chain's",
    "our simulations",
    APPROXIMATE,
)
HELD_PHASES = Assumption(
    "held-phases",
    "service inside a pool is imitated by few phases in a chain of all that can happen, or by "
    "more in one of a full pool, which says where it saturates and what that makes of the wait "
    "for a permit; simulated with and without a delay, one to three queues of one to 16 "
    "servers, lognormal and gamma service of SCV 0.25 to 4 and 4 to 32 permits, the limit is "
    "within 1 %; at 60 and 85 % load of it the mean is within 4 % and p99 within 11 %, at 95 % "
    "within 6 and 14 %, but p99 15 to 19 % low with 32 permits over two equal queues, and the "
    "mean 13 % low where no chain of all levels has room; at an SCV of 9 the mean is within 10 "
    "% and p99 within 26 %; where constant times make requests meet in step, the limit is 1 to "
    "2.5 % off, and the mean 7 to 15 % at 60 and 85 % load, 47 % low to 25 % high at 95 %",
    "Neuts 1989; our simulations",
    APPROXIMATE,
)
HELD_AS_EXPONENTIAL = Assumption(
    "held-as-exponential",
    "service inside a pool that is not exponential, where pools are in pools, stations are "
    "shared or visited several times, or no chain has room, changes the throughput of a full "
    "pool, the waits inside and the wait for a permit by factors of its SCV; simulated with a "
    "delay and one to three queues of one to 16 servers with lognormal service of SCV 0.25 and "
    "4 and 4 to 32 permits, the limit is within 4 %, and within 9 % for an SCV of 16; to 60 % "
    "load of it the mean is within 5 % and p99 within 8 %, at 85 % load within 15 and 20 %; at "
    "95 % load, where one percent of the limit is a fifth of the wait, the mean is 16 % low to "
    "24 % high and p99 24 % low to 20 % high, and 80 % with 32 permits over two equal queues",
    "our simulations",
    APPROXIMATE,
)
FLOW_EQUIVALENCE = Assumption(
    "flow-equivalence",
    "the stations inside a pool are in equilibrium at each number of holders; against the "
    "exact chain with exponential service, to 80 % load, the mean is within 1.5 % and the p99 "
    "within 3 % where one station is the bottleneck or has several servers, and 4 and 10 % "
    "high with two or three equal queues of one server, 13 and 18 % at 95 % load",
    "Chandy, Herzog and Woo 1975; our simulations",
    APPROXIMATE,
)
