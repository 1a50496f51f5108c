"""The times of impatient requests: of all, of the served, and what endless patience waits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from qmodel._typing import Value
from qmodel.distributions import Distribution
from qmodel.numerics import quadrature

__all__: list[str] = []


@dataclass(frozen=True, slots=True, eq=False)
class Impatient(Distribution):
    """A time of impatient requests, by its tail; moments and transform are its integrals."""

    chain: Any
    service_time: Value
    closed = True

    @abstractmethod
    def _scale(self) -> Any: ...

    def _age(self, t: Any) -> Any:
        return np.maximum(np.asarray(t, dtype=float), 0.0) / self.service_time

    @abstractmethod
    def _share(self, t: Any) -> Any: ...

    @abstractmethod
    def _rate(self, t: Any) -> Any: ...

    def tail(self, t: Value) -> Value:
        share = np.clip(self._share(self._age(t)), 0.0, 1.0)
        return np.where(np.asarray(t) < 0, 1.0, share)[()]

    def density(self, t: Value) -> Value:
        rate = self._rate(self._age(t)) / self.service_time
        return np.where(np.asarray(t) < 0, 0.0, rate)[()]

    def _moments(self) -> tuple[Any, Any, Any]:
        with np.errstate(all="ignore"):
            return quadrature.moments(self.tail, self._scale())

    @property
    def mean(self) -> Value:
        return self._moments()[0]

    @property
    def variance(self) -> Value:
        first, second, _ = self._moments()
        return second - first**2

    @property
    def third_cumulant(self) -> Value:
        first, second, third = self._moments()
        return third - 3 * first * second + 2 * first**3

    @property
    def analytic(self) -> bool:
        return False

    @property
    def atom(self) -> Value:
        return 1 - self.tail(0.0)

    def laplace(self, s: Value) -> Value:
        if not np.any(s):
            return 1.0 + 0.0 * self.tail(0.0) * np.asarray(s)[()]
        return quadrature.transform(self.tail, s)


@dataclass(frozen=True, slots=True, eq=False)
class _InQueue(Impatient):
    def _scale(self) -> Any:
        # The shorter of the patience and, but for the queue, the drain of one request.
        chain = self.chain
        short = self.service_time * chain.patience / (1 + chain.patience)
        return short + 0.0 * chain.served()


@dataclass(frozen=True, slots=True, eq=False)
class OfferedWait(_InQueue):
    """What a request of endless patience would wait."""

    def _share(self, u: Any) -> Any:
        return self.chain.offered(u)

    def _rate(self, u: Any) -> Any:
        return self.chain.called(u) * np.exp(u / self.chain.patience)


@dataclass(frozen=True, slots=True, eq=False)
class Wait(_InQueue):
    """The time in queue of all requests, also of those that give up."""

    def _share(self, u: Any) -> Any:
        return self.chain.offered(u) * np.exp(-u / self.chain.patience)

    def _rate(self, u: Any) -> Any:
        return self._share(u) / self.chain.patience + self.chain.called(u)


@dataclass(frozen=True, slots=True, eq=False)
class ServedWait(_InQueue):
    """The time in queue of the requests that are served."""

    def _share(self, u: Any) -> Any:
        return self.chain.served_later(u) / self.chain.served()

    def _rate(self, u: Any) -> Any:
        return self.chain.called(u) / self.chain.served()


@dataclass(frozen=True, slots=True, eq=False)
class _InStation(Impatient):
    def _scale(self) -> Any:
        return self.service_time + 0.0 * self.chain.served()


@dataclass(frozen=True, slots=True, eq=False)
class Response(_InStation):
    """The time in the station of all requests, also of those that give up."""

    def _waiting(self, u: Any) -> Any:
        return self.chain.offered(u) * np.exp(-u / self.chain.patience)

    def _share(self, u: Any) -> Any:
        return self._waiting(u) + self.chain.in_service(u)

    def _rate(self, u: Any) -> Any:
        return self._waiting(u) / self.chain.patience + self.chain.in_service(u)


@dataclass(frozen=True, slots=True, eq=False)
class ServedResponse(_InStation):
    """The time in the station of the requests that are served."""

    def _share(self, u: Any) -> Any:
        return (self.chain.served_later(u) + self.chain.in_service(u)) / self.chain.served()

    def _rate(self, u: Any) -> Any:
        return self.chain.in_service(u) / self.chain.served()
