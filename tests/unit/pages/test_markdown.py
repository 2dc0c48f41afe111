from pathlib import Path

import pytest

from headline.pages.markdown import page_of, to_html

PAGE = """\
# shop

<!-- generated: facts -->
| a | b |
|---|---|
| 1 | 2 |
<!-- end of generated -->

See [core](../../core/core_shop/RUNBOOK.md#on-call), the [contract](orders.contract.yml), its [SQL](orders.sql)
and <b>this</b>.

## Data

#### raw.orders

Columns.

#### raw.refunds

More.

## End
"""


@pytest.fixture
def html(tmp_path: Path) -> str:
    folder = tmp_path / "sources" / "shop"
    folder.mkdir(parents=True)
    (folder / "RUNBOOK.md").write_text(PAGE)
    return to_html(folder / "RUNBOOK.md")


def test_links_lead_to_pages_and_what_has_none_is_text(html: str) -> None:
    assert '<a href="../runbooks/core_shop#on-call">core</a>' in html
    assert '<a href="../contracts/shop/orders">contract</a>' in html
    assert "its SQL\n" in html


def test_markers_are_gone_and_html_is_shown_as_text(html: str) -> None:
    assert "generated" not in html
    assert "&lt;b&gt;this&lt;/b&gt;" in html


def test_tables_scroll_and_headings_can_be_linked_to(html: str) -> None:
    scrolls = '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>'
    assert html.count(scrolls) == html.count("</table></div>") == 1
    assert '<h2 id="data">Data</h2>' in html


def test_what_stands_below_a_small_heading_folds_up_to_the_next_heading(html: str) -> None:
    folded = html[html.index("<details>") :]
    first, second, rest = folded.split("</details>")
    assert '<summary><h4 id="raworders">raw.orders</h4>' in first
    assert "Columns." in first
    assert "More." in second
    assert '<h2 id="end">' in rest


@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("../../docs/alerts/task_failed.md", "../alerts/task_failed"),
        ("task_failed.md", "../alerts/task_failed"),
        ("#on-call", "#on-call"),
        ("https://example.com/a#b", "https://example.com/a#b"),
        ("../../../README.md", None),
    ],
)
def test_where_a_link_leads(target: str, page: str | None) -> None:
    assert page_of(target, Path("docs/alerts")) == page
