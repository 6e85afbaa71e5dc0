"""One self-contained page that shows a run, or a data set.

Everything is inside the file: pictures as data URIs, charts as SVG, no script, no font, nothing from the
network. Equal input gives equal bytes.
"""

from twinface.reports.data_page import write_data_page
from twinface.reports.run_page import write_report

__all__ = ["write_data_page", "write_report"]
