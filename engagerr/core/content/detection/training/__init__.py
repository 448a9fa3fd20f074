"""How the model of detection is made: real works, the habits that their renditions are given, and the fit."""

from engagerr.core.content.detection.training.training import as_json, train
from engagerr.core.content.detection.training.works import Work, works_of

__all__ = ["Work", "as_json", "train", "works_of"]
