"""The errors that qmodel raises, and its warning. Overload is ``inf`` in its cell."""

from __future__ import annotations

__all__ = [
    "BeyondMeasurements",
    "DomainError",
    "InfeasibleError",
    "LoadFileError",
    "ModelError",
    "ModelFileError",
    "QModelError",
]


class QModelError(Exception):
    """Base of all errors of qmodel."""


class BeyondMeasurements(UserWarning):
    """An answer goes beyond the loads, kinds or utilization that were measured."""


class DomainError(QModelError, ValueError):
    """A parameter has an impossible value; the message names both."""


class ModelError(QModelError, ValueError):
    """The parts of a model do not fit together."""


class InfeasibleError(QModelError, ValueError):
    """A question has no answer, whatever is spent."""


class LoadFileError(QModelError, ValueError):
    """A file of measurements cannot be read; the message names the line and what would help."""


class ModelFileError(QModelError, ValueError):
    """A model file cannot be read; the message names file, line, column and what is wrong."""
