from ticketflow.services.html_text import HtmlText

PAGE = """<!doctype html><html><head><title>Track &amp; trace</title><style>p {color: red}</style></head>
<body><nav>Home</nav><h1>Tracking</h1><p>Look at
the <b>label</b>.</p><ul><li>One<li>Two</ul><script>alert(1)</script></body></html>"""


def test_what_a_reader_sees_is_kept():
    assert HtmlText(PAGE).text == "Tracking\n\nLook at the label.\n\nOne\n\nTwo"


def test_the_title_is_the_pages():
    assert HtmlText(PAGE).title == "Track & trace"


def test_a_page_without_a_title_has_that_of_its_heading():
    assert HtmlText("<h1>Track\n <i>it</i></h1><p>x").title == "Track it"


def test_a_page_without_either_has_none():
    assert HtmlText("<p>x</p>").title is None


def test_tags_that_never_end_are_read_in_one_go():
    assert HtmlText("<h1>x" * 20_000).text.count("x") == 20_000


def test_a_number_too_long_for_any_character_is_no_word():
    assert (
        HtmlText(f"<p>x&#{'9' * 5_000};y&#{'9' * 5_000}</p>").text
        == "x\N{REPLACEMENT CHARACTER}y\N{REPLACEMENT CHARACTER}"
    )
