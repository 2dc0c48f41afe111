from pathlib import Path
from textwrap import dedent

from headline.runbooks.document import Section, dead_links, parts, replace_parts, sections, without_markers
from headline.runbooks.markdown import anchor, table

PAGE = dedent("""\
    # shop

    What it is.

    <!-- generated: facts -->
    old facts
    <!-- end of generated -->

    ## First steps

    ```bash
    # no heading
    headline status
    ```

    ### a = b + c in rows

    Look.

    ## Data

    <!-- generated: data -->
    <!-- end of generated -->
    """)


def test_parts_are_replaced_and_the_rest_is_left_alone() -> None:
    assert parts(PAGE) == {"facts": "old facts", "data": ""}
    new = replace_parts(PAGE, {"facts": "new facts\n\nof two lines\n"})
    assert parts(new) == {"facts": "new facts\n\nof two lines", "data": ""}
    assert without_markers(new) == without_markers(PAGE).replace("old facts", "new facts\n\nof two lines")
    assert replace_parts(new, {"facts": "old facts"}) == PAGE


def test_what_looks_like_a_back_reference_is_text() -> None:
    assert parts(replace_parts(PAGE, {"data": r"\1 \g<name>"}))["data"] == r"\1 \g<name>"


def test_a_section_ends_with_the_next_of_its_level() -> None:
    steps = "```bash\n# no heading\nheadline status\n```\n\n### a = b + c in rows\n\nLook."
    assert [section.title for section in sections(PAGE)] == ["shop", "First steps", "a = b + c in rows", "Data"]
    assert sections(PAGE)[1] == Section(2, "First steps", steps)
    assert sections(PAGE)[2:] == [Section(3, "a = b + c in rows", "Look."), Section(2, "Data", "")]


def test_an_anchor_is_that_of_github() -> None:
    assert anchor("raw = core + quarantine, in rows") == "raw--core--quarantine-in-rows"
    assert anchor("`core.order_lines`") == "coreorder_lines"
    assert anchor("DAU ≤ WAU ≤ MAU") == "dau--wau--mau"


def test_a_cell_does_not_end_its_row() -> None:
    assert table(["a", "b"], [["x | y", ""]]) == "| a | b |\n| --- | --- |\n| x \\| y |  |"


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Other\n")
    good = "[a](other.md) [b](other.md#other) [c](#here) [d](https://example.com/x)\n\n# Here\n"
    assert list(dead_links(good, tmp_path)) == []
    assert list(dead_links("[a](another.md) [b](other.md#there) [c](#there)", tmp_path)) == [
        "another.md",
        "other.md#there",
        "#there",
    ]
