"""Names and texts as every store takes them, and which names SQL takes for the same."""

from __future__ import annotations

from collections.abc import Iterable


def storable(text: str) -> str:
    """The text as every store takes it: half a surrogate pair and NUL become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def name_key(name: str) -> str:
    """What makes a column's name one of its own: not the case of its letters, which SQL ignores. Empty where it has none."""
    return storable(name).casefold().strip()


def spelled(name: str, names: Iterable[str]) -> str | None:
    """The one of these names that SQL takes for this one; None where there is none."""
    there = list(names)
    return name if name in there else next((one for one in there if name_key(one) == name_key(name)), None)


def told_apart(names: list[str]) -> list[str]:
    """The names, numbered if SQL cannot distinguish one from an earlier one; missing names stay, and are skipped."""
    taken: set[str] = set()
    found: list[str] = []
    for name in names:
        own, number = name, 1
        while name_key(own) in taken - {""}:
            number += 1
            own = f"{name} ({number})"
        taken.add(name_key(own))
        found.append(own)
    return found
