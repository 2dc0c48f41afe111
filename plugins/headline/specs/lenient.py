"""A file that is wrong in places, read without these places, so that one fault hides no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    fixed = deepcopy(content)
    for _ in range(_TRIES):
        if not _fix(fixed, found, placeholders):
            break
        try:
            return model.model_validate(fixed), faults
        except ValidationError as error:
            found = error.errors()
    return None, faults


def keys(content: Any, fault: Any) -> tuple[int | str, ...]:
    """Where in the content a fault of pydantic's is: without what only pydantic knows, such as the branches of a union."""
    return tuple(key for _, key in _steps(content, fault))


def _fix(content: Any, faults: Iterable[Any], placeholders: Mapping[str, Any]) -> bool:
    """Whether what is wrong could be replaced or left out; where that is a key that is required, with the element of a list."""
    places = {keys(content, fault): _steps(content, fault) for fault in faults}
    # From the end, so that what is left out moves nothing that is still to be found.
    for _, steps in sorted(places.items(), key=lambda place: [str(key).zfill(9) for key in place[0]], reverse=True):
        if not steps:
            return False
        holder, key = steps[-1]
        if isinstance(holder, dict) and isinstance(key, str) and key in placeholders:
            holder[key] = deepcopy(placeholders[key])
            continue
        if isinstance(holder, dict) and key not in holder:
            lists = [(holder, key) for holder, key in steps if isinstance(holder, list)]
            if not lists:
                return False
            holder, key = lists[-1]
        del holder[key]
    return True


def _steps(content: Any, fault: Any) -> list[tuple[Any, Any]]:
    """Each container on the way to a fault, with the key that leads on."""
    steps: list[tuple[Any, Any]] = []
    for part in fault["loc"]:
        is_there = isinstance(content, dict) and part in content
        is_there |= isinstance(content, list) and isinstance(part, int) and part < len(content)
        if is_there:
            steps.append((content, part))
            content = content[part]
    if fault["type"] == "missing" and isinstance(content, dict):
        steps.append((content, fault["loc"][-1]))
    return steps
