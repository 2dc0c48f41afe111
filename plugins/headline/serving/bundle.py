"""Vega, Vega-Lite and Vega-Embed as one script, from the package that draws charts here: no browser loads it from elsewhere."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from threading import Lock

from headline import settings

_MAKING = Lock()


def bundle_version() -> str:
    """Of the package that it comes from: another one is another script."""
    return version("vl-convert-python")


def bundle() -> Path:
    """The script's file below HEADLINE_HOME; it is made once, which takes some seconds."""
    file = settings.load().home / "cache" / f"vega-{bundle_version()}.js"
    with _MAKING:
        if not file.is_file():
            import vl_convert

            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(vl_convert.javascript_bundle(None))
            part.replace(file)
    return file
