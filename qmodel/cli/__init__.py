"""The command line ``qmodel``: a question to the pipeline each, the answer in plain words."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line; the entry point of the program ``qmodel``."""
    import gc
    import sys

    # Looking for garbage among what has only just been loaded costs a tenth of an answer.
    gc.set_threshold(100_000)
    from qmodel.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # A terminal without µ is no reason to fail.
    app(prog_name="qmodel")
