"""Every function that a package offers checks its arguments: none can forget it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import qmodel as qm

PACKAGES = [
    qm,
    *(
        importlib.import_module(info.name)
        for info in pkgutil.walk_packages(qm.__path__, "qmodel.")
        if info.ispkg and not info.name.startswith(("qmodel.cli", "qmodel.numerics"))
    ),
]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda m: m.__name__)
def test_what_a_package_offers_is_checked(package: ModuleType) -> None:
    offered = (getattr(package, name, None) for name in getattr(package, "__all__", ()))
    bare = [
        f"{f.__module__}.{f.__name__}"
        for f in offered
        if inspect.isfunction(f)
        and f.__module__.startswith("qmodel.")
        and not f.__module__.startswith("qmodel.testing")
        and f.__name__ != "namespace"  # it chooses functions, and each formula calls it
        and not hasattr(f, "__wrapped__")
        and inspect.signature(f).parameters
    ]
    assert not bare, f"put @checked (qmodel._checked) around {', '.join(bare)}"
