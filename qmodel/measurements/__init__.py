r"""From measurements to a model: read what monitoring and load tools write.

Examples
--------
>>> import tempfile, pathlib
>>> import qmodel as qm
>>> path = pathlib.Path(tempfile.mkdtemp()) / "access.log"
>>> line = 'a - - [24/Oct/2026:14:20:0{} +0000] "GET /cart HTTP/1.1" {} 12 "-" "-" 0.0{}\n'
>>> some = [(i // 2, 503 if i == 3 else 200, i) for i in range(6)]
>>> _ = path.write_text("".join(line.format(*one) for one in some))
>>> measured = qm.measurements.read(path)
>>> measured.whole()[["kind", "count", "errors", "mean"]].to_numpy().tolist()
[['GET /cart', 6.0, 1.0, 0.025]]
>>> measured.notes
('the first number after the user agent is the time in seconds',)
"""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.measurements.arrivals import arrival_variability
    from qmodel.measurements.cache_room import objects_that_fit
    from qmodel.measurements.calibration import calibrate
    from qmodel.measurements.comparison import BackTest, backtest
    from qmodel.measurements.demands import hit_ratio, service_demands
    from qmodel.measurements.estimates import Calibration, Estimate
    from qmodel.measurements.histogram import Histogram
    from qmodel.measurements.joined import joined
    from qmodel.measurements.loops import LoopVerdict, Omission, coordinated_omission, loop_of
    from qmodel.measurements.measurements import Measurements
    from qmodel.measurements.readers.reading import FORMATS, read
    from qmodel.measurements.scalability import usl
    from qmodel.measurements.service_times import number_of_servers, service_scv, service_time
    from qmodel.measurements.site_calibration import SiteCalibration, calibrate_site

__all__ = [
    "FORMATS",
    "BackTest",
    "Calibration",
    "Estimate",
    "Histogram",
    "LoopVerdict",
    "Measurements",
    "Omission",
    "SiteCalibration",
    "arrival_variability",
    "backtest",
    "calibrate",
    "calibrate_site",
    "coordinated_omission",
    "hit_ratio",
    "joined",
    "loop_of",
    "number_of_servers",
    "objects_that_fit",
    "read",
    "service_demands",
    "service_scv",
    "service_time",
    "usl",
]

lazily(
    __name__,
    {
        "arrivals": "arrival_variability",
        "cache_room": "objects_that_fit",
        "calibration": "calibrate",
        "comparison": "BackTest backtest",
        "demands": "hit_ratio service_demands",
        "estimates": "Calibration Estimate",
        "histogram": "Histogram",
        "joined": "joined",
        "loops": "LoopVerdict Omission coordinated_omission loop_of",
        "measurements": "Measurements",
        "readers.reading": "FORMATS read",
        "scalability": "usl",
        "service_times": "number_of_servers service_scv service_time",
        "site_calibration": "SiteCalibration calibrate_site",
    },
)
