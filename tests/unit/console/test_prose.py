"""Markdown on pages: nothing of it is taken as HTML, and links lead somewhere."""

from __future__ import annotations

from clary.console import prose


def test_html_is_shown_and_not_taken() -> None:
    made = str(prose.html("a <script>alert(1)</script> [x](javascript:alert(1)) ![y](javascript:z)"))
    assert "<script" not in made
    assert 'href="javascript' not in made
    assert 'src="javascript' not in made


def test_links_lead_to_pages_or_are_words() -> None:
    text = "[next](../hospital_costs/guide.md) [module](data.py) [site](https://example.org/) and [*both* words](../README.md)"
    made = str(prose.html(text))
    assert '<a href="/_/projects/hospital_costs">next</a>' in made
    assert "module" in made
    assert "data.py" not in made
    assert '<a href="https://example.org/">site</a>' in made
    assert "<em>both</em> words" in made
    assert made.count("<a ") == made.count("</a>") == 2


def test_pictures_beside_the_text_are_found() -> None:
    text = "![four boxes](boxes.jpg) ![far](https://example.org/a.png) ![up](../up.jpg)"
    made = str(prose.html(text, "/_/projects/demo/pictures"))
    assert '<img src="/_/projects/demo/pictures/boxes.jpg" alt="four boxes"' in made
    assert '<img src="https://example.org/a.png"' in made
    assert '<img src="../up.jpg"' in made
    assert '<img src="boxes.jpg"' in str(prose.html(text))


def test_tables_are_tables() -> None:
    assert "<table>" in str(prose.html("| a | b |\n|---|---|\n| 1 | 2 |\n"))
