r"""Where a number comes from: its formula, what went in, what it assumes, who showed it.

``explain(result, "waiting_time")`` solves the same station on symbols, so that the formula
shown is the code that ran. Percentiles are rarely closed forms: then the tail or the
transform that they are found from is shown, and how. Nothing is simplified.

In a terminal ``print`` gives text of 80 columns; a notebook shows Markdown with LaTeX.
"""

from qmodel.explanation import (  # noqa: F401  (add kinds to `explain`)
    cache_results,
    closed_results,
)
from qmodel.explanation.results import explain
from qmodel.explanation.text import Explanation

__all__ = ["Explanation", "explain"]
