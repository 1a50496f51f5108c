"""Settings of the whole suite: hypothesis profiles, one thread, which tests are slow.

Draws are the same in every run and on every machine, so that what fails fails again; more of
them would be the same ones the next time. A long run draws freely, and 50 times as many: ``make
test-long``. The doctest namespace stays empty: what a doctest uses, it imports.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil

# Before NumPy is imported: a second thread of BLAS gains nothing here and unsettles timings.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

import pytest  # noqa: E402
from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import qmodel  # noqa: E402

# No deadlines: the first call into SymPy takes half a second, and that is no flake.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
# An example that fails is made small; what varied in it is explained in a long run, which
# `find` would do of each example in the documentation.
_PHASES = [phase for phase in Phase if phase is not Phase.explain]
settings.register_profile(
    "always", max_examples=40, derandomize=True, phases=_PHASES, **_COMMON
)
settings.register_profile("nightly", max_examples=2000, print_blob=True, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "always"))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Load all modules: Hypothesis draws the constants of those that are loaded."""
    if session.config.getoption("numprocesses", None):
        return  # The tests run in other processes.
    for module in pkgutil.walk_packages(qmodel.__path__, "qmodel."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@given(st.none())
@settings(max_examples=1, database=None)
def _drawn_once(_: None) -> None:
    """Let Hypothesis make its source of random numbers."""


def pytest_collection_finish() -> None:
    """Leave what the whole run keeps, modules and tests, out of the search for garbage."""
    # The oldest Hypothesis warns of a source that nothing refers to but what is left out.
    _drawn_once()
    gc.collect()
    gc.freeze()
