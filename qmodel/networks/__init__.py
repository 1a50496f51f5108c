"""Networks of stations: closed loads, several classes, routing, and pools that are held."""

from qmodel.networks import bounds, closed
from qmodel.networks.bounds import Bounds
from qmodel.networks.closed import ClosedResult
from qmodel.networks.users import most_users

__all__ = ["Bounds", "ClosedResult", "bounds", "closed", "most_users"]
