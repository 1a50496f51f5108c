"""Measured errors, in the words of a statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["WAITS", "measured"]

WAITS = {
    "mean": "mean wait",
    "probability": "its probability",
    "p50": "its p50",
    "p95": "its p95",
    "p99": "its p99",
    "p999": "its p99.9",
    "response_p99": "response p99",
}
"""Quantities of a table of errors, as statements name them."""


def measured(errors: Mapping[str, int], quantities: Iterable[str] = WAITS) -> str:
    """Return the errors of these quantities, of none that is not measured.

    Parameters
    ----------
    errors : mapping of str to int
        Largest error of each quantity, in percent. [-]
    quantities : iterable of str, optional
        Which of them are stated. [-]

    Returns
    -------
    str
        What a statement says. [-]

    Examples
    --------
    >>> measured({"mean": 3, "p99": 2, "response_p99": 1}, ("mean", "p99"))
    'mean wait 3 %, its p99 2 %'
    """
    return ", ".join(f"{WAITS[q]} {errors[q]} %" for q in quantities if q in errors)
