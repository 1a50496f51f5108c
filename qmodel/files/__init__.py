"""Model files: a site in YAML, TOML or JSON, with units.

=====================  ==============================================================
`read_model`           a `Site` from a file, others laid over it, and changed values
`site_of_text`         the same from a text
`write_model`          a file from a site, a pipeline or a station
`Site`                 the model, load, objectives, prices, zones, scenarios, spreads
`Scenario`, `Zones`    what may be otherwise
`template`             a file to begin with
`schema`               JSON Schema, for editors
`whole_file`           a file that appears whole or not at all
=====================  ==============================================================
"""

from typing import TYPE_CHECKING

from qmodel._lazy import lazily

if TYPE_CHECKING:
    from qmodel.files.json_schema import schema
    from qmodel.files.model_files import read_model, site_of_text, write_model
    from qmodel.files.site import Scenario, Site, Zones
    from qmodel.files.templates import template
    from qmodel.files.whole import whole_file

__all__ = [
    "Scenario",
    "Site",
    "Zones",
    "read_model",
    "schema",
    "site_of_text",
    "template",
    "whole_file",
    "write_model",
]

lazily(
    __name__,
    {
        "json_schema": "schema",
        "model_files": "read_model site_of_text write_model",
        "site": "Scenario Site Zones",
        "templates": "template",
        "whole": "whole_file",
    },
)
