"""How good the mapping is: groups files as the answers, measures, and what simpler means reach on the same items."""

from engagerr.core.content.evaluation.evaluation import evaluate
from engagerr.core.content.evaluation.gold import Gold
from engagerr.core.content.evaluation.groups import GroupSet, read_groups
from engagerr.core.content.evaluation.rows import Evaluation, EvaluationRow

__all__ = ["Evaluation", "EvaluationRow", "Gold", "GroupSet", "evaluate", "read_groups"]
