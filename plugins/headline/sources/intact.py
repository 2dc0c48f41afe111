"""Whether a landed file is still what was landed: its manifest keeps the SHA-256 of its bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from headline.errors import BadData, Transient
from headline.sources.content import DIGEST_BYTES
from headline.sources.storage import has_bytes, path_of

if TYPE_CHECKING:
    from headline.ledger import Load
    from headline.sources.storage import AnyPath

_SHOWN = 3
# Where a manifest keeps the exact sum of each column of money, as text.
SUMS = "sums"
# For a file whose manifest is not written yet, or never was.
NO_MANIFEST = "its manifest is missing"


def manifest_of(file: AnyPath) -> AnyPath:
    """The path of the manifest of a landed file."""
    return file.with_suffix(".json")


def sums_of(load: Load) -> dict[str, Decimal]:
    """What the money of a load added up to when it landed, by column; nothing where its manifest is from before sums were kept.

    The file of the load must be intact.
    """
    found = json.loads(manifest_of(path_of(load.file)).read_text()) if len(load.checksum) == 2 * DIGEST_BYTES else {}
    return {name: Decimal(total) for name, total in found.get(SUMS, {}).items()}


def flaw_of(load: Load) -> str:
    """What is wrong with the file of a load, in words; empty where it is as it was landed.

    Raises Transient where an object store cannot be read for now.
    """
    return flaw(path_of(load.file), load.checksum)


def flaw(file: AnyPath, checksum: str) -> str:
    """The same of a file that is to have this content; a load from before content was compared has the checksum of its file."""
    try:
        if len(checksum) == 2 * DIGEST_BYTES:
            manifest = json.loads(manifest_of(file).read_text())
            if manifest["checksum"] != checksum:
                return "its manifest is that of other content"
            expected = manifest["sha256"]
        else:
            expected = checksum
    except FileNotFoundError:
        return NO_MANIFEST
    except (ValueError, KeyError, TypeError):
        return "its manifest is damaged"
    except OSError as error:
        return _unreadable(file, error)
    try:
        return "" if has_bytes(file, expected) else "its bytes are others than those that were landed"
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return _unreadable(file, error)


def require_intact(loads: Sequence[Load], source: str) -> None:
    """Raises BadData, naming the files and the run that lands them again, where one is not what was landed."""
    damaged = [(load, what) for load in loads if (what := flaw_of(load))]
    if not damaged:
        return
    days = sorted(load.ds for load, _ in damaged)
    told = [f"  - {load.landing} of {load.ds}, {load.file}: {what}" for load, what in damaged[:_SHOWN]]
    more = [f"  - and {len(damaged) - _SHOWN} more"] if len(damaged) > _SHOWN else []
    raise BadData(
        "\n".join(
            [
                f"{len(damaged)} landed file(s) are not what was landed; nothing was computed from them:",
                *told,
                *more,
                f"Land them again: `headline trigger {source} --from {days[0]} --to {days[-1]}`",
            ]
        )
    )


def _unreadable(file: AnyPath, error: OSError) -> str:
    if isinstance(file, Path):
        return f"it cannot be read: {error}"
    raise Transient(f"{file}: cannot be read for now: {error}") from error
