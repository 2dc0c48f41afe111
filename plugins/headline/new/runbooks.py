"""Runbooks and owners as they are after something new: the parts that follow from the specification are written again."""

from __future__ import annotations

from headline import runbooks, settings
from headline.new.draft import Draft
from headline.specs import load_understood


def renew() -> Draft:
    """Write what differs; a pipeline is named in the runbooks of all that it reads, directly or through others."""
    catalog, draft = load_understood(), Draft()
    for pipeline in catalog.pipelines.values():
        file = pipeline.runbook_file
        if not pipeline.folder.is_relative_to(settings.load().sql):  # stands in for a source
            continue
        text = runbooks.regenerated(pipeline, catalog)
        if not file.is_file():
            draft.new[file] = text
        elif file.read_text() != text:
            draft.change(file, text)
    draft.write()
    return draft
