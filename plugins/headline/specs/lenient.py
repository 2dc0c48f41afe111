"""A file that is wrong in places, read without these places, so that one fault hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

AnyModel = TypeVar("AnyModel", bound=BaseModel)
_TRIES = 3  # what is left out may be required, and what that is replaced by may be checked in turn


def understood(model: type[AnyModel], content: Any, placeholders: Mapping[str, Any]) -> tuple[AnyModel | None, list[Any]]:
    """The content as a model, and pydantic's errors. What is wrong is left out, or replaced by the placeholder of its key.

    None where what is left makes no sense.
    """
    try:
        return model.model_validate(content), []
    except ValidationError as error:
        faults = found = error.errors()
    mended = deepcopy(content)
    for _ in range(_TRIES):
        outcomes = [_mended(mended, fault["loc"], placeholders) for fault in reversed(found)]
        if not all(outcomes):
            break
        try:
            return model.model_validate(mended), faults
        except ValidationError as error:
            found = error.errors()
    return None, faults


def _mended(content: Any, location: tuple[int | str, ...], placeholders: Mapping[str, Any]) -> bool:
    """Whether the place could be left out or replaced; where nothing else helps, the element of a list that it is in goes."""
    path = _steps(content, location)
    if not path:
        return False
    holder, key = path[-1]
    if isinstance(holder, dict) and isinstance(key, str) and key in placeholders:
        holder[key] = deepcopy(placeholders[key])
        return True
    if isinstance(holder, dict) and key in holder:
        del holder[key]
        return True
    for holder, key in reversed(path):
        if isinstance(holder, list) and isinstance(key, int) and key < len(holder):
            del holder[key]
            return True
    return False


def _steps(content: Any, location: tuple[int | str, ...]) -> list[tuple[Any, int | str]]:
    """Each container on the way with the key that leads on; what only pydantic knows (a union's tag, `[key]`) is no key."""
    steps: list[tuple[Any, int | str]] = []
    for position, part in enumerate(location):
        is_there = isinstance(content, dict) and part in content
        is_there |= isinstance(content, list) and isinstance(part, int) and part < len(content)
        is_missing = isinstance(content, dict) and position == len(location) - 1 and part != "[key]"
        if is_there or is_missing:
            steps.append((content, part))
        if is_there:
            content = content[part]
    return steps
