"""The few kinds of error that Headline tells apart, because each asks for another reaction."""

from __future__ import annotations

from collections.abc import Sequence


class HeadlineError(Exception):
    """Base of every error that Headline raises on purpose: its message says what, where, how many and what to do."""


class SpecError(HeadlineError):
    """A pipeline.yml, source.yml, contract or SQL file is wrong: nothing helps but editing it.

    `faults` lists every fault found, each as «file: key: what is wrong».
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        plural = "" if len(faults) == 1 else "s"
        super().__init__("\n".join([f"{len(faults)} fault{plural} in the specification:", *(f"  - {fault}" for fault in faults)]))

    def __reduce__(self) -> tuple[type[SpecError], tuple[list[str]]]:
        return type(self), (self.faults,)


class BadRequest(HeadlineError):
    """What was asked for cannot be done, for example a range that ends before it begins: a retry cannot help."""


class BadData(HeadlineError):
    """The data breaks its contract: stop, publish nothing, do not retry."""


class RestatementWaiting(BadData):
    """Issued figures would move by more than their limit: nothing is published before another person has approved that.

    `request_id`: the request in the ledger.
    """

    def __init__(self, text: str = "", request_id: int = 0) -> None:
        self.request_id = request_id
        super().__init__(text)

    def __reduce__(self) -> tuple[type[RestatementWaiting], tuple[str, int]]:
        return type(self), (str(self), self.request_id)


class Transient(HeadlineError):
    """The outside world failed for now (source down, warehouse locked): the same step may succeed later."""


class NoSpace(Transient):
    """A file system is full: retry once there is room. The message names the file system and how much is needed."""


class NotEvaluated(Transient):
    """An audit could not run, so nothing is known about the data: retry, and never count it as passed.

    `behind`: the pipelines that must run first, because what they have made was computed before its inputs changed.
    """

    def __init__(self, text: str = "", behind: Sequence[str] = ()) -> None:
        self.behind = list(behind)
        super().__init__(text)

    def __reduce__(self) -> tuple[type[NotEvaluated], tuple[str, list[str]]]:
        return type(self), (str(self), self.behind)
