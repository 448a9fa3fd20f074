"""What the numbers mean: definitions in force, standard figures made on reading, and reports of them."""

from engagerr.core.metrics.figures import FigureReader
from engagerr.core.metrics.metrics import Metrics, ObservationRow, Report, ReportRow
from engagerr.core.metrics.registry import Registry

__all__ = ["FigureReader", "Metrics", "ObservationRow", "Registry", "Report", "ReportRow"]
