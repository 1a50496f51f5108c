"""Measured errors, in the words of a statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["WAITS", "measured", "of_response"]

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


def of_response(errors: Mapping[str, int]) -> str:
    """Return the errors of a response, of none while a table is made anew.

    Parameters
    ----------
    errors : mapping of str to int
        Largest error of each quantity, in percent. [-]

    Returns
    -------
    str
        What a statement says. [-]

    Examples
    --------
    >>> of_response({"mean": 3, "p50": 1, "p95": 2, "p99": 2})
    'mean 3 %, p50 1 %, p95 2 % and p99 2 %'
    """
    figures = "mean {mean} %, p50 {p50} %, p95 {p95} % and p99 {p99} %"
    return figures.format(**errors) if errors else ""
