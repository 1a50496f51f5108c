"""Settings of the whole suite: hypothesis profiles, one thread, which tests are slow.

Draws are the same in every run, so that what fails fails again. A long run draws freely and
searches for new examples: ``HYPOTHESIS_PROFILE=nightly pytest``. The doctest namespace stays
empty: what a doctest uses, it imports.
"""

from __future__ import annotations

import os

# Before NumPy is imported: a second thread of BLAS gains nothing here and unsettles timings.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")

from hypothesis import HealthCheck, settings  # noqa: E402

# No deadlines: the first call into SymPy takes half a second, and that is no flake.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=20, derandomize=True, **_COMMON)
settings.register_profile("ci", max_examples=40, derandomize=True, **_COMMON)
settings.register_profile("nightly", max_examples=2000, print_blob=True, **_COMMON)
_DEFAULT = "ci" if os.environ.get("CI") else "dev"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", _DEFAULT))
