"""The command line ``qmodel``: a question to the pipeline each, the answer in plain words."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line; the entry point of the program ``qmodel``."""
    import atexit
    import gc
    import sys

    # What has only just been loaded is no garbage, and what ends need not be searched for it.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    from qmodel.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # A terminal without µ is no reason to fail.
    app(prog_name="qmodel")
