"""A report on a model: one page that opens without a network, for who decides."""

from qmodel.reports.contents import Report, report

__all__ = ["Report", "report"]
