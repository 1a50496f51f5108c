"""The web pipeline in its users' terms: each part a function that returns a step."""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.web.cache import cache
    from qmodel.web.connection import keep_alive_requests, network, secure_connection
    from qmodel.web.database import Database, database
    from qmodel.web.dns import dns
    from qmodel.web.gateway import gateway
    from qmodel.web.load_balancer import load_balancer
    from qmodel.web.services import Service, microservices, monolith
    from qmodel.web.typical import (
        typical_microservices,
        typical_monolith,
        typical_pipeline,
    )

__all__ = [
    "Database",
    "Service",
    "cache",
    "database",
    "dns",
    "gateway",
    "keep_alive_requests",
    "load_balancer",
    "microservices",
    "monolith",
    "network",
    "secure_connection",
    "typical_microservices",
    "typical_monolith",
    "typical_pipeline",
]

lazily(
    __name__,
    {
        "cache": "cache",
        "connection": "keep_alive_requests network secure_connection",
        "database": "Database database",
        "dns": "dns",
        "gateway": "gateway",
        "load_balancer": "load_balancer",
        "services": "Service microservices monolith",
        "typical": "typical_microservices typical_monolith typical_pipeline",
    },
)
