"""The report: one self-contained HTML page that shows the payload and computes nothing."""

from zscope.report.page import write_report

__all__ = ["write_report"]
