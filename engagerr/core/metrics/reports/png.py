"""A report's first page as a picture, for chats and previews."""

from __future__ import annotations

from engagerr.core.metrics.reports.document import ReportDocument
from engagerr.core.metrics.reports.pdf import first_page

# An A4 page of 1,240 × 1,754 pixels: sharp on a telephone, small enough for a chat.
PIXELS_PER_INCH = 150.0


def png(document: ReportDocument) -> bytes:
    """The first page as the PDF shows it, without page numbers. The same document gives the same bytes."""
    return first_page(document, pixels_per_inch=PIXELS_PER_INCH)
