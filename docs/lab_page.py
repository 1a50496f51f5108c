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
percentiles are within a few percent up to 80 % of saturation. The small pool of two connections
is the hardest. At 80 % load one percent of work that the calibration did not see is five
percent of the wait, and the light run knows a query to 2 % and the share of misses to as much.
And a minute is short for such a pool: the means of its six single minutes at 80 % load go from
70 to 123 ms, and its 99th percentiles from 344 to 1097. The column ± has that from run to run
in the last campaign; in those before it is of the batches of one run or two, and too small, as
requests of neighbouring batches wait in the same queue. Every prediction went beyond what the
light run had measured, and said so: `qmodel solve` on the calibrated file warns of each (column
`said` of the results), and of the pool that it is 60 to 80 % busy where at most 18 % was
measured.

**The cache of two servers is smaller than that of one.** Redis counts the buffers of its
clients with the objects: each connection, busy as it is here, takes some 20 kB of the 3 MB,
which is the room of 17 objects. With the eight connections of one server 1,678 objects fit,
with the sixteen of two 1,510. `qm.measurements.objects_that_fit` tells the one and the other
from INFO of the light run, and `qm.caches.LRU` what that takes from the hit ratio: 1.7 points.
The first two campaigns did not know of it, and the first began with a cache that was not yet in
its steady state. A cache of gigabytes notices its clients less, unless they are thousands.

**A collapse that was foretold.** In the first campaign the site with retries, at 60 % of its
saturation, lost {lost} of {of} requests: something on the busy machine made requests wait past
their timeout, all were sent again, and the site did not come back while the load lasted. The
model has that state: from {hidden:.0f}/s on, the hidden capacity, `r.equilibria` has a
*collapsed* one beside the healthy one, and `qm.answers.hysteresis` says what would bring the
site back. That run is left out of the errors above, as it belongs to the other state.

**Noise.** The machine has two cores. It was shared in the first two campaigns (load averages of
10 and more), and mostly quiet in the last; the servers of the lab have a higher priority. The
column ± is the standard error of the measured p99; it does not have the noise of the
calibration, one to two percent of each time.

Measure it yourself: `make test-lab`, or `tests/lab/measure.py` for more runs. `python
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
    last = frame[frame["campaign"] == frame["campaign"].max()]
    lines = ["# How good are the predictions", ""]
    lines += filled(INTRODUCTION)
    lines += filled(
        f"**{good} of {cells} predictions (mean, p50, p95, p99) are within 15 %** of what was "
        f"then measured; apart from the small pool, {rest} of {int(easy.sum()) * 4}. The "
        f"median error is {100 * off.stack().median():.1f} %. Three campaigns were measured, "
        "each from a light run of its own; of the last:"
    )
    lines += ["![Latency by load, predicted and measured](../images/lab.svg)", ""]
    lines += [
        "| site | load | share | mean | p50 | p95 | p99 | ± | errors, % | "
        "hit ratio (predicted) |",
        "|" + "---|" * 10,
    ]
    lines += [row_of(row) for _, row in last.iterrows()] + [""]
    lines += filled(
        "Times are as measured, in milliseconds; share is of the saturation that was "
        "predicted; errors are predicted over measured, of the four times; `*` marks those "
        "beyond 15 %. Each row is of two runs of a minute, those of the small pool of six."
    )
    lines += ["The campaigns together:", ""]
    lines += [
        "| campaign | within 15 % | median error | largest | apart from the small pool | "
        "hit ratios, largest error |",
        "|" + "---|" * 6,
    ]
    lines += [summary(i, some) for i, some in frame.groupby("campaign")] + [""]
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
            lost=int(lost["failed"].sum()),
            of=int(lost["count"].sum()),
            hidden=hidden(frame),
        )
    )
    return "\n".join(lines).rstrip() + "\n"


def summary(campaign: int, frame: pd.DataFrame) -> str:
    """Return one line about a campaign."""
    steady = frame[~frame["collapsed"]]
    off = 100 * steady[[f"{name}_off" for name in QUANTITIES]].abs()
    easy = off[steady["scenario"] != "pool tight"]
    hits = 100 * (steady["hit_ratio"] - steady["hit_ratio_predicted"]).abs().max()
    within = int((off <= 100 * WITHIN).sum().sum())
    return (
        f"| {campaign} | {within} of {off.size} | {off.stack().median():.1f} % | "
        f"{off.max().max():.0f} % | {easy.max().max():.0f} % | {hits:.1f} points |"
    )


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
            f"{100 * row[f'{n}_off']:+.0f}" + "*" * (abs(row[f"{n}_off"]) > WITHIN)
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
