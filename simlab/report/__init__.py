"""Reports as one HTML file: pictures embedded, and nothing fetched from anywhere.

>>> report.page("Title", [Section("What it shows", table_tag(frame) + figure_tag(figure, alt))])
"""

from simlab.report.figures import figure_tag
from simlab.report.fragments import code_tag, html_text, table_tag
from simlab.report.page import Section, page

__all__ = ["Section", "code_tag", "figure_tag", "html_text", "page", "table_tag"]
