"""Names and types, as the verbs `list`, `find` and `type` print them."""

from __future__ import annotations

from collections.abc import Sequence

from embedded_ros.cli.graph import NamesAndTypes


def print_names(names: Sequence[str], only_count: bool) -> None:
    if only_count:
        print(len(names))
        return
    for name in names:
        print(name)


def print_names_and_types(named: NamesAndTypes, show_types: bool, only_count: bool) -> None:
    print_names([f"{name} [{', '.join(types)}]" if show_types else name for name, types in named], only_count)


def print_types(named: NamesAndTypes, name: str) -> int:
    """The types of one name, a line each; gives the exit code, 1 where there are none."""
    types = dict(named).get(name, [])
    for type_ in types:
        print(type_)
    return 0 if types else 1
