"""Headline: the machinery that turns folders of SQL and YAML into audited, published numbers."""
