from __future__ import annotations

from launch.condition import Condition
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class InvalidConditionExpressionError(Exception):
    """The text of a condition is neither true nor false."""


def evaluate_condition_expression(context: LaunchContext, expression: SomeSubstitutionsType) -> bool:
    text = perform_substitutions(context, normalize_to_list_of_substitutions(expression)).strip().lower()
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise InvalidConditionExpressionError(f"invalid condition expression '{text}': expected true, 1, false or 0")


class IfCondition(Condition):
    """Holds when the expression's text is `true` or `1` (any case)."""

    def __init__(self, predicate_expression: SomeSubstitutionsType) -> None:
        super().__init__(predicate=lambda context: evaluate_condition_expression(context, predicate_expression))


class UnlessCondition(Condition):
    """Holds when the expression's text is `false` or `0` (any case)."""

    def __init__(self, predicate_expression: SomeSubstitutionsType) -> None:
        super().__init__(predicate=lambda context: not evaluate_condition_expression(context, predicate_expression))
