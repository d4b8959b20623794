from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitution import Substitution

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


def normalize_to_list_of_substitutions(subs: Any) -> list[Substitution]:
    """Text, a substitution or an iterable of both, as a list of substitutions."""
    from launch.substitutions import TextSubstitution

    parts = [subs] if isinstance(subs, (str, Substitution)) or not isinstance(subs, Iterable) else list(subs)
    for part in parts:
        if not isinstance(part, (str, Substitution)):
            raise TypeError(f"expected text or a Substitution, got {part!r} of type '{type(part).__name__}'")
    return [TextSubstitution(text=part) if isinstance(part, str) else part for part in parts]


def perform_substitutions(context: LaunchContext, subs: Iterable[Substitution]) -> str:
    return "".join(context.perform_substitution(sub) for sub in subs)


def as_entities(entities: Any) -> list[LaunchDescriptionEntity]:
    """None, one entity or an iterable of them (what handlers and functions may return), as a checked list."""
    if entities is None:
        return []
    if isinstance(entities, LaunchDescriptionEntity):
        return [entities]
    if isinstance(entities, Iterable):
        checked = [entity for entity in entities if entity is not None]
        if all(isinstance(entity, LaunchDescriptionEntity) for entity in checked):
            return checked
    raise RuntimeError(f"expected launch actions, got {entities!r}")
