"""What Markdown becomes, and that nothing in it runs or loads anything."""

import pytest
from aioxide_learn import content
from aioxide_learn.rendering import document, markdown, slug, style_sheets


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>\n"),
        ("[a](https://x.org)", '<p><a href="https://x.org" rel="noopener noreferrer">a</a></p>\n'),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>\n"),
        ("[a](data:text/html,x)", "[a](data:text/html,x)"),
        ("```nonsense\nx < y\n```", "x &lt; y"),
    ],
)
def test_markdown_is_made_safe(text, html):
    assert html in markdown(text)


def test_what_the_sanitiser_gets_past_the_parser_is_taken_out():
    # A label that would close the attribute, in each place where text becomes an attribute.
    for text in ('![" onerror="x](y.png)', '[a](x "\\" onclick=\\"x")', '```" onclick="x\nc\n```'):
        assert "onerror=" not in markdown(text).replace("&quot;", "'").split("alt=")[0]
        assert "onclick" not in markdown(text).replace("&quot; onclick=&quot;", "")


def test_code_is_highlighted_and_can_be_scrolled_by_the_keyboard():
    html = markdown("```python\nasync def f(): ...\n```")
    assert '<pre class="code" tabindex="0">' in html and '<span class="k">async</span>' in html


def test_a_program_that_is_wrong_on_purpose_says_so():
    html = markdown('```python wrong="never awaited"\nf()\n```')
    assert '<div class="wrong"><p>This program has a mistake.</p>' in html


def test_headings_have_the_anchors_that_github_gives_them():
    page = document("## `await`, and why\n\n## Twice\n\n## Twice\n\n### Below\n")
    assert page.headings == [
        ("await-and-why", "await, and why"),
        ("twice", "Twice"),
        ("twice-1", "Twice"),
    ]
    assert '<h3 id="below">' in page.html
    assert slug("What's a Task?") == "whats-a-task"


def test_items_of_a_checklist_become_boxes_with_keys_that_stay():
    first = document("- [ ] one\n- [x] *two*\n- three\n", box=lambda item: f"<input {item.key}>")
    later = document("text\n\n- [ ] zero\n- [ ] *two*\n- [ ] two\n")
    assert [item.text for item in first.items] == ["one", "two"]
    assert f'<li class="item"><input {first.items[0].key}>one</li>' in first.html
    assert first.items[1].key == later.items[1].key != later.items[2].key


def test_every_item_below_the_heading_checklist_is_one():
    page = document("- no\n\n## Checklist\n\n- I can `a`.\n- [x] I can b.\n\n## Next\n\n- no\n")
    assert [(item.text, item.done) for item in page.items] == [
        ("I can a.", False),
        ("I can b.", True),
    ]


def test_a_page_cannot_make_a_box_of_its_own():
    page = document("\ue0000\ue001 <input> text\n\n- [ ] a", box=lambda item: "BOX")
    assert page.html.count("BOX") == 1 and "&lt;input&gt;" in page.html


def test_links_within_the_course_lead_to_its_pages():
    page = document(
        "[a](02_x.md#y) [b](nowhere.txt) [c](https://x.org) ![p](../pictures/p.svg) ![q](q.svg)",
        address=content.address,
        picture=lambda source: "/pictures/p.svg" if source.endswith("/p.svg") else None,
    )
    assert '<a href="/chapters/x#y"' in page.html and " b " in page.html
    assert '<a href="https://x.org"' in page.html
    assert '<img src="/pictures/p.svg" alt="p">' in page.html and " q" in page.html


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("03_event_loop.md", "/chapters/event_loop"),
        ("../chapters/03_event_loop.md#one", "/chapters/event_loop#one"),
        ("../labs/retry/README.md", "/labs/retry"),
        ("#here", "#here"),
        ("../../etc/passwd", None),
        ("", None),
    ],
)
def test_where_a_link_of_the_course_leads(target, address):
    assert content.address(target) == address


@pytest.mark.parametrize("name", ["../deck/schema.json", "x.svg", "a/b.svg", "..", ""])
def test_a_picture_that_the_course_does_not_have(name):
    assert content.picture(name) is None


def test_a_page_is_read_with_front_matter_and_without():
    page = content.read_page("s", 2, "---\ntitle: T: x\nsummary: S.\n---\n# Heading\n\nText.\n")
    assert (page.title, page.summary, page.source) == ("T: x", "S.", "\nText.\n")
    page = content.read_page("s", 2, "# Heading\n\n> quote\n\nFirst words\nand more.\n\n## Next\n")
    assert (page.title, page.summary) == ("Heading", "First words and more.")
    assert content.read_page("s", 0, "").title == "s"


def test_code_has_colours_for_light_and_dark():
    css = style_sheets()
    assert css.count("pre.code .k ") == 3 and "prefers-color-scheme: dark" in css
