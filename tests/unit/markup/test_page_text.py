import pytest

from ticketflow.markup.blocks import write_text
from ticketflow.markup.page_text import PageText

PAGE = """<!doctype html><html><head><title>Track &amp; trace</title><style>p {color: red}</style></head>
<body><nav>Home</nav><h1>Tracking</h1><p>Look at
the <b>label</b>.</p><ul><li>One<li>Two</ul><script>alert(1)</script></body></html>"""


def test_what_a_reader_sees_is_kept():
    assert write_text(PageText(PAGE).blocks) == "Tracking:\n\nLook at the label.\n\n- One\n- Two"


def test_the_title_is_the_pages():
    assert PageText(PAGE).title == "Track & trace"


def test_a_page_without_a_title_has_that_of_its_heading():
    assert PageText("<h1>Track\n <i>it</i></h1><p>x").title == "Track it"


def test_a_page_without_either_has_none():
    assert PageText("<p>x</p>").title is None


def test_tags_that_never_end_are_read_in_one_go():
    assert write_text(PageText("<h1>x" * 20_000).blocks).count("x") == 20_000


def test_a_number_too_long_for_any_character_is_no_word():
    assert (
        write_text(PageText(f"<p>x&#{'9' * 5_000};y&#{'9' * 5_000}</p>").blocks)
        == "x\N{REPLACEMENT CHARACTER}y\N{REPLACEMENT CHARACTER}"
    )


def test_the_site_s_name_is_no_part_of_the_title():
    assert PageText("<title>Track it | Help Center</title><h1>Track it</h1>").title == "Track it"


def test_only_the_main_part_of_a_page_is_read():
    page = "<div>Sign in here</div><main><p>Look at the label.</p></main><div>All rights reserved</div>"

    assert write_text(PageText(page).blocks) == "Look at the label."


UNSEEN = [
    "<!-- secret -->",
    "<p hidden>secret</p>",
    '<p style="display: none">secret</p>',
    '<div class="note internal">secret<div>secret</div>secret</div>',
    "<div data-internal>secret</div>",
    "<!-- internal --><p>secret</p><!-- /internal -->",
    "<!-- internal:start --><p>secret</p><ul><li>secret</ul><!-- internal:end -->",
    '<ac:structured-macro ac:name="internal"><ac:rich-text-body>secret</ac:rich-text-body></ac:structured-macro>',
    "<s>secret</s>",
    "<select><option>secret</option></select>",
    '<div aria-hidden="true">secret</div>',
    '<div role="navigation">secret</div>',
    "<svg><title>secret</title></svg>",
]


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_a_customer_does_not_see_is_left_out(unseen):
    page = PageText(f"<p>Before.</p>{unseen}<p>After.</p>")

    assert write_text(page.blocks) == "Before.\n\nAfter."


def test_what_is_marked_as_internal_and_never_ends_is_left_out_to_the_end():
    assert write_text(PageText("<p>Before.</p><!-- internal --><p>secret</p>").blocks) == "Before."
