"""The text of the files of specs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from headline.errors import SpecError

YamlLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; a syntax fault is a SpecError that names the line."""
    return parse_yaml(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a file that a folder must have; raises SpecError where it cannot be read."""
    try:
        return path.read_text()
    except OSError as error:
        raise SpecError([f"{path.name}: cannot be read: {error.strerror}; the folder {path.parent} needs this file"]) from None


def file_state(path: Path) -> tuple[int, ...] | None:
    """What differs as soon as a file is rewritten, cheaper than its text; None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def parse_yaml(text: str, path: Path) -> Any:
    """What the text of a YAML file says; a syntax fault is a SpecError that names the line."""
    try:
        return yaml.load(text, Loader=YamlLoader)  # noqa: S506 (a safe loader, either way)
    except yaml.YAMLError as error:
        raise SpecError([f"{path}: not valid YAML: {' '.join(str(error).split())}"]) from None
