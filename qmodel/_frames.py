"""Results as frames: one row a cell, with the units of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qmodel.glossary import units_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_of", "joined"]


def frame_of(columns: Mapping[str, Any], **texts: str) -> pd.DataFrame:
    """Return a frame with one row for each cell of broadcast columns, behind columns of texts.

    Examples
    --------
    >>> frame = frame_of({"arrival_rate": [1.0, 2.0], "wait": 0.5}, station="db")
    >>> frame
      station  arrival_rate  wait
    0      db           1.0   0.5
    1      db           2.0   0.5
    >>> frame.attrs["units"]
    {'arrival_rate': '1/s', 'wait': 's'}
    """
    import pandas as pd

    cells = np.broadcast_arrays(*(np.atleast_1d(value) for value in columns.values()))
    numbers = {name: cell.ravel() for name, cell in zip(columns, cells, strict=True)}
    frame = pd.DataFrame(numbers)
    for at, (name, text) in enumerate(texts.items()):
        frame.insert(at, name, text)
    frame.attrs["units"] = units_of(list(columns))
    return frame


def joined(frames: Sequence[pd.DataFrame], **units: str) -> pd.DataFrame:
    """Return frames below one another, with the units of their columns and some more."""
    import pandas as pd

    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    table.attrs["units"] = units_of(list(table.columns)) | units
    return table
