"""What people ask of the team: docs/requests/*.yml, one file per request, read and validated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, ValidationError

from headline.errors import SpecError
from headline.settings import PROJECT
from headline.specs.files import parse_yaml, read_text
from headline.specs.values import Model

FOLDER = PROJECT / "docs" / "requests"
RequestName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# open: waits for its sprint; taken: somebody is at it; ticket: planned as new work; done and declined are over.
RequestStatus = Literal["open", "taken", "ticket", "done", "declined"]


class FiledRequest(Model):
    """One request: who needs what, how much it matters and how much it takes.

    `impact`: from 1, nice to have, to 5, a decision waits for it. `effort`: points, as sprints count them. `conflicts`: names of
    requests that cannot be met beside this one.
    """

    need: Annotated[str, Field(min_length=10)]
    owner: Annotated[str, Field(min_length=3)]
    asked_on: date
    impact: Annotated[int, Field(ge=1, le=5)]
    effort: Annotated[Decimal, Field(gt=0)]
    conflicts: tuple[RequestName, ...] = ()
    status: RequestStatus

    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """The name of its file, without its ending."""
        return self._name


def load_requests(folder: Path = FOLDER) -> list[FiledRequest]:
    """Every request by the name of its file; raises SpecError with all faults at once, each with file and key."""
    found, faults = [], []
    for file in sorted(folder.glob("*.yml")):
        try:
            request = FiledRequest.model_validate(parse_yaml(read_text(file), file))
        except ValidationError as error:
            told = ((".".join(map(str, fault["loc"])) or "the file", fault["msg"]) for fault in error.errors())
            faults += [f"requests/{file.name}: {key}: {text}" for key, text in told]
        except SpecError as error:
            faults += error.faults
        else:
            request._name = file.stem
            found.append(request)
    faults += [] if faults else list(_unknown_conflicts(found))
    if faults:
        raise SpecError(faults)
    return found


def _unknown_conflicts(requests: Sequence[FiledRequest]) -> Iterator[str]:
    names = {request.name for request in requests}
    there_are = ", ".join(sorted(names))
    for request in requests:
        for other in request.conflicts:
            if other == request.name:
                yield f"requests/{request.name}.yml: conflicts: a request does not conflict with itself"
            elif other not in names:
                yield f"requests/{request.name}.yml: conflicts: there is no request {other}; there are: {there_are}"
