"""What Athena's errors mean: what can be done about a statement that failed, or that was refused before it began."""

from __future__ import annotations

import re
from typing import Any

from headline.errors import BadData, BadRequest, HeadlineError, SpecError, Transient

# Codes before the colon of a reason, as Trino and Athena write them.
_CODE = re.compile(r"\b([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\b")
_BAD_VALUES = {
    "DIVISION_BY_ZERO",
    "INVALID_CAST_ARGUMENT",
    "INVALID_FUNCTION_ARGUMENT",
    "MERGE_TARGET_ROW_MULTIPLE_MATCHES",
    "NUMERIC_VALUE_OUT_OF_RANGE",
    "HIVE_BAD_DATA",
    "SUBQUERY_MULTIPLE_ROWS",
}
_FOR_NOW = {
    "CLUSTER_OUT_OF_MEMORY",
    "EXCEEDED_CPU_LIMIT",
    "EXCEEDED_LOCAL_MEMORY_LIMIT",
    "EXCEEDED_MEMORY_LIMIT",
    "EXCEEDED_TIME_LIMIT",
    "GENERIC_INTERNAL_ERROR",
    "GENERIC_INSUFFICIENT_RESOURCES",
    "HIVE_CANNOT_OPEN_SPLIT",
    "HIVE_CURSOR_ERROR",
    "HIVE_FILESYSTEM_ERROR",
    "HIVE_METASTORE_ERROR",
    "ICEBERG_CANNOT_OPEN_SPLIT",
    "ICEBERG_COMMIT_ERROR",
    "ICEBERG_CURSOR_ERROR",
    "ICEBERG_FILESYSTEM_ERROR",
    "INTERNAL_ERROR_QUERY_ENGINE",
    "NO_NODES_AVAILABLE",
    "TRANSACTION_CONFLICT",
}
# A part of what OPTIMIZE or VACUUM has to do is done, and the same statement does the next.
MORE_RUNS_NEEDED = re.compile(r"\bICEBERG_(OPTIMIZE|VACUUM)_MORE_RUNS_NEEDED\b")
_SCAN_LIMIT = re.compile(r"bytes scanned limit", re.IGNORECASE)
_SLOW_DOWN = re.compile(
    r"slow ?down|throttl|rate exceeded|too many requests|query exhausted resources|timed? ?out", re.IGNORECASE
)
# ErrorCategory of Athena: 1 is the service's own fault, 2 the user's, 3 anything else.
_SYSTEM, _USER = 1, 2


def failed(query_id: str, status: dict[str, Any]) -> HeadlineError:
    """The error for a statement that ended without success. `status`: QueryExecution.Status."""
    reason = str(status.get("StateChangeReason") or "no reason given")
    told = f"Athena: query {query_id} {status['State'].lower()}: {reason}"
    error = status.get("AthenaError") or {}
    codes = set(_CODE.findall(reason))
    if _SCAN_LIMIT.search(reason):
        return BadRequest(f"{told}. The workgroup limits what a query may scan: compute fewer days at once, or raise the limit")
    if status["State"] == "CANCELLED":
        return Transient(told)
    if codes & _BAD_VALUES:
        return BadData(told)
    if error.get("Retryable") or error.get("ErrorCategory") == _SYSTEM or codes & _FOR_NOW:
        return Transient(told)
    if MORE_RUNS_NEEDED.search(reason) or _SLOW_DOWN.search(reason):
        return Transient(told)
    if codes or error.get("ErrorCategory") == _USER or "denied" in reason.lower():
        return SpecError([told])
    return Transient(told)  # nothing says that it would fail again


def refused(code: str, text: str) -> HeadlineError:
    """The error for a call that the service refused, by the error code of the answer."""
    told = f"Athena: {code}: {text}"
    if code in ("InvalidRequestException", "ValidationException") or "AccessDenied" in code or "UnrecognizedClient" in code:
        return SpecError([told])
    return Transient(told)


def is_throttling(code: str) -> bool:
    """Whether a call was refused only because there were too many."""
    return code in ("ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "ThrottledException")
