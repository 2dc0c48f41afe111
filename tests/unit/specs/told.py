"""The faults that a spec is told to have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headline.errors import SpecError


def faults_of(load: Callable[[], object]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load()
    return caught.value.faults
