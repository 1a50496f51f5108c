"""A tail and its density are read at once or apart, and are the same.

`tail_and_density` is what percentiles step by. A class that says its density anew, but inherits
both at once from a class that is not the base of all, steps by that of another one.
"""

from __future__ import annotations

import importlib
import pkgutil

import qmodel
from qmodel.distributions.base import Distribution


def every(kind: type) -> list[type]:
    """Return all classes below one, each once."""
    below = [c for child in kind.__subclasses__() for c in (child, *every(child))]
    return list(dict.fromkeys(below))


def test_no_class_mixes_its_own_density_with_that_of_another() -> None:
    for module in pkgutil.walk_packages(qmodel.__path__, "qmodel."):
        importlib.import_module(module.name)
    kinds = [c for c in every(Distribution) if c.__module__.startswith("qmodel.")]
    assert len(kinds) > 40

    def depth(kind: type, name: str) -> int:
        return next(i for i, c in enumerate(kind.__mro__) if name in vars(c))

    mixed = [
        f"{kind.__module__}.{kind.__name__}"
        for kind in kinds
        if kind.__mro__[depth(kind, "tail_and_density")] is not Distribution
        and depth(kind, "density") < depth(kind, "tail_and_density")
    ]
    assert not mixed
