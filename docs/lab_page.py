"""Write the page and the picture that hold the predictions of a real site against it.

    python docs/lab_page.py

reads docs/explanation/lab-results.csv, which tests/lab/measure.py wrote, and writes
docs/explanation/how-good-are-the-predictions.md and docs/images/lab.svg.
"""

from __future__ import annotations

import re
import textwrap
from io import StringIO
from pathlib import Path

import altair as alt
import pandas as pd

HERE = Path(__file__).parent
RESULTS = HERE / "explanation" / "lab-results.csv"
COLD = HERE / "explanation" / "lab-cold-cache.csv"
PAGE = HERE / "explanation" / "how-good-are-the-predictions.md"
PICTURE = HERE / "images" / "lab.svg"
QUANTITIES = ("mean", "p50", "p95", "p99")
COLOURS = {"p50": "#0072b2", "p95": "#00875f", "p99": "#d55e00"}
WITHIN = 0.15

SITES = {
    "threads tight": "8 threads, 8 connections",
    "pool tight": "64 threads over 2 connections",
    "both tight": "10 threads over 3 connections",
    "cache lost": "8 threads, 8 connections; no look-up hits",
    "two servers, round robin": "2 × 6 threads behind nginx",
    "two servers, least connections": "2 × 6 threads behind nginx, least_conn",
    "one server of two lost": "one of them stopped: 6 threads",
    "timeouts and retries": "8 threads; clients wait 0.5 s, three times",
}

INTRODUCTION = """
A site of nginx, a Python application with threads, Redis as LRU cache and PostgreSQL behind a
pool of connections was **calibrated from one light run** (50 requests/s, four minutes: spans,
INFO of Redis, latencies of the clients) with `qm.calibrate_site`. Then eight other sites were
**predicted at four loads each, before any of them was measured**: fewer threads, fewer
connections, no cache, two servers, one of two lost, clients that try again. Nothing was fitted
to them: each is the calibrated model with other numbers.

Requests hold a thread while they work (exponential, 40 ms), look in Redis, and on a miss wait
for a connection and query (exponential, 60 ms). Work and query are slept, so that two cores
suffice. Clients are Poisson, keys are Zipf; a latency counts from when the request should have
been sent, so that nothing is omitted.
"""

READING = """
**What to take from it.** Where threads or whole servers are what is short, means and
percentiles are within a few percent up to 80 % of saturation. The small pool of two
connections is the hardest, for three reasons. At 80 % load, one percent of a query that the
calibration did not see is five percent of the wait, and the light run has nowhere in its spans
what a connection costs between two requests. Its hit ratio is not that of the other sites (see
below): 3 % more look-ups miss there, which makes the pool 82 % busy for 80 %. And a minute is
short for such a pool: in simulations of the very model that predicts, the p99 of single runs
of a minute has a standard deviation of 18 % at 70 % load and 25 % at 80 %. With 6 % more work
in the pool (the 3 % of look-ups that was measured, and 3 % for connections that is assumed, as
nothing measured it) one run in twenty has what was measured in the second campaign. The column
± does not know that, as requests of neighbouring batches wait in the same queue. Every
prediction went beyond what the light run had measured, and said so: `qmodel solve` on the
calibrated file warns of each (column `said` of the results), and of the pool that it is 60 to
80 % busy where at most 18 % was measured.

**Why hit ratios differ by one or two points.** Redis counts the buffers of its clients with
the objects: each connection takes some 22 kB of the 3 MB, which is the room of 22 objects.
Measured by itself, 4 connections leave room for 1,750 objects and 12 for 1,576, and
`qm.caches.LRU` says 76.6 and 74.5 % for these: the two points between the light run, which
needs few connections at a time, and two servers with six threads each. The mean of each site's
four loads is within two points; a single minute adds half a point of its own. A cache of
gigabytes does not notice its clients, and where one does, `qm.measurements.read` says so from
INFO.

**A collapse that was foretold.** In the first campaign the site with retries, at 60 % of its
saturation, lost {lost} of {of} requests: something on the busy machine made requests wait
past their timeout, all were sent again, and the site did not come back while the load lasted.
The model has that state: from {hidden:.0f}/s on, the hidden capacity, `r.equilibria` has a
*collapsed* one beside the healthy one, and `qm.answers.hysteresis` says what would bring the
site back. That run is left out of the errors above, as it belongs to the other state.

**Noise.** The machine has two cores and was shared: its load average was {low:.0f} to
{high:.0f} during the runs, which the servers of the lab escaped by a higher priority. The
column ± is the standard error of the measured p99, from eight batches of each run; it does
not have the noise of the calibration, one to two percent of each time. The first campaign
began with a cache that was not yet in its steady state, which cost up to four points of its
hit ratio; the second waited for it.

Measure it yourself: `make test-lab`, or `tests/lab/measure.py` for the long runs. `python
docs/lab_page.py` writes this page from `lab-results.csv` beside it.
"""


def results() -> pd.DataFrame:
    """Return the results, with the errors of the predictions."""
    frame = pd.read_csv(RESULTS)
    for name in QUANTITIES:
        frame[f"{name}_off"] = frame[f"{name}_predicted"] / frame[name] - 1
    frame["collapsed"] = frame["failed"] > 0.01 * frame["count"]
    return frame


def page(frame: pd.DataFrame) -> str:
    """Return the page."""
    steady = frame[~frame["collapsed"]]
    off = steady[[f"{name}_off" for name in QUANTITIES]].abs()
    good, cells = int((off <= WITHIN).sum().sum()), off.size
    easy = steady["scenario"] != "pool tight"
    rest = int((off[easy] <= WITHIN).sum().sum())
    with_hits = steady[(steady["campaign"] == steady["campaign"].max())]
    hits = (with_hits["hit_ratio"] - with_hits["hit_ratio_predicted"]).abs().max()
    lines = ["# How good are the predictions", ""]
    lines += filled(INTRODUCTION)
    lines += filled(
        f"**{good} of {cells} predictions (mean, p50, p95, p99) are within 15 %** of what was "
        f"then measured; apart from the small pool, {rest} of {int(easy.sum()) * 4}. The "
        f"median error is {100 * off.stack().median():.1f} %. Hit ratios are within "
        f"{100 * hits:.1f} points in the campaign that began with a steady cache."
    )
    lines += ["![Latency by load, predicted and measured](../images/lab.svg)", ""]
    for campaign, some in frame.groupby("campaign", sort=False):
        lines += [f"## Campaign {campaign}", ""]
        lines += [
            "| site | load | share | mean | p50 | p95 | p99 | ± | errors of the four | "
            "hit ratio (predicted) |",
            "|" + "---|" * 10,
        ]
        lines += [row_of(row) for _, row in some.iterrows()] + [""]
    lines += filled(
        "Times are as measured, in milliseconds; share is of the saturation that was "
        "predicted; errors are predicted over measured; `*` marks those beyond 15 %."
    )
    lines += ["## A cold cache", ""]
    lines += filled(
        "The cache empty at the start, 60 requests/s: the hit ratio of each ten seconds, and "
        "the one at their middle that `qm.caches.Warming` says of the objects that the light "
        "run asked for, with those that it did not see. Each is measured to two points."
    )
    cold = pd.read_csv(COLD)
    lines += ["| second | measured | predicted |", "|---|---|---|"]
    lines += [
        f"| {row.second:.0f} | {100 * row.measured:.1f} % | {100 * row.predicted:.1f} % |"
        for row in cold.itertuples()
    ] + [""]
    lost = frame[frame["collapsed"]]
    lines += filled(
        READING.format(
            lost=int(lost["failed"].sum()), of=int(lost["count"].sum()),
            hidden=hidden(frame), low=frame["load_average"].min(),
            high=frame["load_average"].max(),
        )
    )  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def hidden(frame: pd.DataFrame) -> float:
    """Return the load below which a site with three attempts always comes back [1/s]."""
    rows = frame[frame["scenario"] == "threads tight"]
    return float(rows["saturates_at"].iloc[0]) / 3


def row_of(row: pd.Series) -> str:
    """Return one line of the table."""
    times = " | ".join(f"{1e3 * row[name]:.0f}" for name in QUANTITIES)
    if row["collapsed"]:
        errors = f"collapsed: {100 * row['failed'] / row['count']:.0f} % failed"
    else:
        errors = ", ".join(
            f"{100 * row[f'{n}_off']:+.0f} %" + "*" * (abs(row[f"{n}_off"]) > WITHIN)
            for n in QUANTITIES
        )
    hits = f"{100 * row['hit_ratio']:.1f} % ({100 * row['hit_ratio_predicted']:.1f} %)"
    where = f"{row['scenario']}: {SITES[row['scenario']]}" if row["share"] < 0.5 else ""
    return (
        f"| {where} | {row['arrival_rate']:g}/s | {row['share']:.0%} | {times} | "
        f"{1e3 * row['p99_error']:.0f} | {errors} | {hits} |"
    ).replace("% |", " % |", 1)


def filled(text: str) -> list[str]:
    """Return paragraphs in lines of 100."""
    found = []
    for paragraph in text.strip().split("\n\n"):
        words = " ".join(paragraph.split())
        found += [*textwrap.wrap(words, 100, break_on_hyphens=False), ""]
    return found


def picture(frame: pd.DataFrame) -> alt.TopLevelMixin:
    """Return the chart: lines predicted, points measured, by the share of saturation."""
    last = frame[(frame["campaign"] == frame["campaign"].max()) & ~frame["collapsed"]]
    rows = [
        {
            "site": row["scenario"], "share": row["share"], "of": name,
            "predicted": round(1e3 * row[f"{name}_predicted"], 2),
            "measured": round(1e3 * row[name], 2),
            "low": round(1e3 * (row[name] - 2 * row[f"{name}_error"]), 2),
            "high": round(1e3 * (row[name] + 2 * row[f"{name}_error"]), 2),
        }
        for _, row in last.iterrows()
        for name in COLOURS
    ]  # fmt: skip
    share = alt.X(
        "share:Q",
        axis=alt.Axis(format="%", values=[0.4, 0.6, 0.8], title="load, of saturation"),
        scale=alt.Scale(domain=[0.36, 0.84]),
    )
    colour = alt.Color(
        "of:N",
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    scale = alt.Scale(type="log", domain=[30, 1200])
    base = alt.Chart(alt.Data(values=rows))
    axis = alt.Axis(values=[50, 100, 200, 500, 1000], title="latency, ms")
    line = base.mark_line(strokeWidth=2).encode(
        share, alt.Y("predicted:Q", scale=scale, axis=axis), colour
    )
    point = base.mark_point(filled=True, size=36, opacity=1).encode(
        share, alt.Y("measured:Q", scale=scale), colour
    )
    bar = base.mark_rule().encode(share, alt.Y("low:Q", scale=scale), alt.Y2("high:Q"), colour)
    return (
        alt.layer(line, bar, point)
        .properties(width=150, height=150)
        .facet(
            facet=alt.Facet("site:N", title=None, sort=list(SITES)),
            columns=4,
            title="Predicted (lines) and then measured (points, two standard errors)",
        )
    )


def slim(chart: alt.TopLevelMixin) -> str:
    """Return a chart as SVG with one label for all of it, and no digits that nobody sees."""
    drawn = StringIO()
    chart.save(drawn, format="svg")
    plain = re.sub(r' (?:class|pointer-events|role|aria-\w+)="[^"]*"', "", drawn.getvalue())
    rounded = re.sub(r"(\d\.\d\d)\d+", r"\1", plain)
    said = "Latency by load of eight sites: predicted lines, measured points close to them"
    return rounded.replace("<svg ", f'<svg role="img" aria-label="{said}" ', 1)


if __name__ == "__main__":
    found = results()
    PAGE.write_text(page(found))
    PICTURE.write_text(slim(picture(found)))
