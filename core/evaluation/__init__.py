"""How well a policy does on questions, and what its looks are worth.

    evaluate(policy, questions, Manner())    -> Evaluation: per condition right answers with interval, looks, hits, faults, seconds
    beside(one, other)                       -> two policies on the same questions, paired
    core.evaluation.conditions               as it is; with fewer looks, none, random or grid ones; without the picture
    core.evaluation.needle                   questions of the needle world

Every condition is asked the same questions, so that differences between two of them are of pairs.
"""

from core.evaluation.beside import Compared, beside
from core.evaluation.conditions import AS_IT_IS, CONDITIONS, Condition, condition_of
from core.evaluation.evaluating import Manner, evaluate, evaluations
from core.evaluation.values import Evaluation, Outcome, Question, Result

__all__ = [
    "AS_IT_IS",
    "CONDITIONS",
    "Compared",
    "Condition",
    "Evaluation",
    "Manner",
    "Outcome",
    "Question",
    "Result",
    "beside",
    "condition_of",
    "evaluate",
    "evaluations",
]
