"""What no message, page or ledger shows: the one function that takes secrets out of a text."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "…"
_NAMED = r"[\w-]*(?:password|passwd|pwd|secret|token|(?:api|access|private)[_-]?key|credential|signature|authorization)[\w-]*"
_NEVER_SHOWN = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # The password of an address may hold an @; a path does not stand before it.
    (re.compile(r"(?<=://)[^/\s\"'<>]+@"), f"{HIDDEN}@"),
    (re.compile(r"https://hooks\.[^\s\"'>]+"), f"https://hooks{HIDDEN}"),
    # Tokens that stand alone and are known by how they begin: AWS, Slack, GitHub, GitLab, Google, Stripe, PyPI, JSON Web Tokens.
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), HIDDEN),
    (re.compile(r"\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}|\bxwfp-[\w-]{8,}"), HIDDEN),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|pypi-|AIza|(?:sk|rk|pk)_(?:live|test)_)[\w-]{16,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}"), HIDDEN),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?)(?:basic|bearer|digest|token)\s+[\w.~+/=-]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?=[\w.~+/=-]*[\d.+/=_])[\w.~+/=-]{12,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)\b({_NAMED}[\"']?\s*[=:]\s*)(?!{HIDDEN})(?:bearer\s+)?(\"[^\"]*\"|'[^']*'|\S+)"), rf"\1{HIDDEN}"),
    # The secret half of an AWS key has no mark of its own: 40 signs of base64, of every kind.
    (
        re.compile(
            r"(?<![\w/+=.-])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*\d)[A-Za-z0-9/+]{40}(?![\w/+=.-])"
        ),
        HIDDEN,
    ),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w"), f"{HIDDEN}@{HIDDEN}"),
)


def redact(text: str) -> str:
    """The text without passwords, keys, tokens and e-mail addresses."""
    for pattern, instead in _NEVER_SHOWN:
        text = pattern.sub(instead, text)
    return text


def redacted(value: Any) -> Any:
    """A value of JSON with each text in it redacted; the names of its members stay."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {name: redacted(one) for name, one in value.items()}
        case list() | tuple():
            return [redacted(one) for one in value]
        case _:
            return value
