"""Pictures as Vega-Lite specifications: plain data, drawn by Altair where it is installed.

A specification names no colours of ground and text, so that a page can give it its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qmodel.errors import ModelError

if TYPE_CHECKING:
    from qmodel.answers.answer import Answer, Picture

__all__ = ["bars", "chart", "heat_map", "lines", "marks", "rows_of", "svg"]

_WIDTH, _HEIGHT = 560, 220


def rows_of(columns: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """Return the rows of columns, without those that have an infinite or a missing cell."""
    rows = zip(*columns.values(), strict=True)
    return [
        dict(zip(columns, row, strict=True))
        for row in rows
        if all(not isinstance(x, float) or math.isfinite(x) for x in row)
    ]


def lines(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    x: tuple[str, str],
    y: tuple[str, str],
    *,
    by: str,
    logarithmic: bool = False,
    time: bool = False,
) -> Picture:
    """Return a curve for each value of the column `by`; `x` and `y` are column and title."""
    # In the order of the rows, which is that of the percentiles.
    order = list(dict.fromkeys(row[by] for row in rows))
    scale = {"type": "log"} if logarithmic else {}
    return _picture(
        title,
        rows,
        {
            "mark": {"type": "line", "interpolate": "monotone", "strokeWidth": 2},
            "encoding": {
                "x": {
                    "field": x[0],
                    "type": "temporal" if time else "quantitative",
                    "title": x[1],
                    "scale": scale,
                },
                "y": {"field": y[0], "type": "quantitative", "title": y[1]},
                "color": {"field": by, "type": "nominal", "sort": order, "title": None},
            },
        },
    )


def marks(picture: Picture, values: Mapping[str, float], axis: str = "x") -> Picture:
    """Return a picture with a line across it for each value, with its name."""
    finite: list[dict[str, Any]] = [
        {"at": v, "is": n} for n, v in values.items() if math.isfinite(v)
    ]
    if not finite:
        return picture
    at = {"field": "at", "type": "quantitative"}
    across = {
        "data": {"values": finite},
        "mark": {"type": "rule", "strokeDash": [4, 3]},
        "encoding": {axis: at},
    }
    words = []
    # Beside its line, on the side that has room.
    half = max(value["at"] for value in finite) / 2
    for late in (False, True):
        some = [value for value in finite if (value["at"] > half) == late]
        side = {"align": "right", "dx": -4} if late else {"align": "left", "dx": 4}
        place = {**side, "baseline": "top"} if axis == "x" else {"dy": -6, "align": "left"}
        beside = {"y" if axis == "x" else "x": {"value": 2}}
        encoding = {axis: at, "text": {"field": "is", "type": "nominal"}, **beside}
        mark = {"type": "text", **place}
        if some:
            words.append({"data": {"values": some}, "mark": mark, "encoding": encoding})
    inner = {k: picture[k] for k in ("data", "mark", "encoding") if k in picture}
    outer = {k: v for k, v in picture.items() if k not in inner}
    return {**outer, "layer": [*picture.get("layer", [inner]), across, *words]}


def bars(
    title: str,
    rows: Sequence[Mapping[str, Any]],
    x: tuple[str, str],
    y: str,
    *,
    marked: str | None = None,
) -> Picture:
    """Return a bar for each row, in their order."""
    encoding: dict[str, Any] = {
        "y": {"field": y, "type": "nominal", "sort": None, "title": None},
        "x": {"field": x[0], "type": "quantitative", "title": x[1]},
    }
    if marked is not None:
        test = {"test": {"field": y, "equal": marked}, "value": 1.0}
        encoding["opacity"] = {"condition": test, "value": 0.55}
    picture = _picture(title, rows, {"mark": {"type": "bar"}, "encoding": encoding})
    return {**picture, "height": {"step": 20}}


def heat_map(
    title: str, rows: Sequence[Mapping[str, Any]], x: str, y: str, colour: tuple[str, str]
) -> Picture:
    """Return a cell for each pair of two columns, coloured by a third."""
    return _picture(
        title,
        rows,
        {
            "mark": {"type": "rect"},
            "encoding": {
                "x": {"field": x, "type": "ordinal", "title": x},
                "y": {"field": y, "type": "ordinal", "title": y, "sort": "descending"},
                "color": {
                    "field": colour[0],
                    "type": "quantitative",
                    "title": colour[1],
                    "scale": {"scheme": "viridis"},
                },
            },
        },
    )


def _picture(title: str, rows: Sequence[Mapping[str, Any]], drawn: Picture) -> Picture:
    size = {"width": _WIDTH, "height": _HEIGHT}
    return {"title": title, **size, "data": {"values": list(rows)}, **drawn}


def chart(answer: Answer) -> Any:
    """Return the pictures of an answer as one Altair chart."""
    try:
        import altair
    except ImportError:
        raise ModelError("plot needs Altair: pip install 'qmodel[plot]'") from None
    pictures = answer.pictures
    if not pictures:
        raise ModelError(f"the answer of {answer.question!r} has no picture")
    # Sizes in steps and colours are those of each picture.
    whole = {"vconcat": list(pictures), "resolve": {"scale": {"color": "independent"}}}
    return altair.Chart.from_dict(whole if len(pictures) > 1 else dict(pictures[0]))


_ON_A_PAGE = {
    "background": None,
    "config": {
        "view": {"stroke": None},
        "axis": {
            "labelColor": "currentColor",
            "titleColor": "currentColor",
            "domainColor": "currentColor",
            "tickColor": "currentColor",
            "gridColor": "currentColor",
            "gridOpacity": 0.15,
        },
        "legend": {"labelColor": "currentColor", "titleColor": "currentColor"},
        "title": {"color": "currentColor", "anchor": "start"},
        "rule": {"color": "currentColor"},
        "text": {"color": "currentColor"},
        "font": "sans-serif",
    },
}
"""The colours of what stands around a picture."""


def svg(pictures: Sequence[Picture]) -> list[str]:
    """Return pictures as SVG in the colours of a page; none where they cannot be drawn."""
    try:
        import vl_convert
    except ImportError:
        return []
    return [vl_convert.vegalite_to_svg({**p, **_ON_A_PAGE}) for p in pictures]
