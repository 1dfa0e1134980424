"""Articles as each product writes them, and the words that are kept of them."""

import pytest

from ticketflow.errors import InvalidInputError
from ticketflow.markup.article_text import describe_left_out, read_article
from ticketflow.workflow.steps.leads import find_leads

MARKDOWN = {
    "emphasis": ("Press **Stop** or __Halt__, _then_ *wait*.", "Press Stop or Halt, then wait."),
    "emphasis that does not close": ("Press **Stop ** now.", "Press Stop now."),
    "snake case": ("Set max_open_files to 5 * 3 * 2.", "Set max_open_files to 5 * 3 * 2."),
    "struck": ("It costs ~~9~~ 7 euros.", "It costs 7 euros."),
    "inline code": ("Type `df -h` there.", "Type df -h there."),
    "placeholder": ("Type ssh <user> there.", "Type ssh <user> there."),
    "link": ("See [hours](https://rent.example/h).", "See hours (https://rent.example/h)."),
    "link twice": (
        "See [a](https://rent.example/h) and [b](https://rent.example/h).",
        "See a (https://rent.example/h) and b.",
    ),
    "relative link": ("See [prices](./prices.md#parking).", "See prices."),
    "link of a private network": ("See [x](http://wiki.corp.internal/x) and [y](http://10.0.0.1/).", "See x and y."),
    "link with a password": ("See [x](https://a:b@rent.example/).", "See x."),
    "bare link": ("See <https://rent.example/h> now.", "See https://rent.example/h now."),
    "link that says itself": ("See [rent.example](https://rent.example/).", "See rent.example."),
    "reference link": ("See [hours][1].\n\n[1]: https://rent.example/h", "See hours (https://rent.example/h)."),
    "mail": ("[Write to us](mailto:help@rent.example?subject=x).", "Write to us (help@rent.example)."),
    "script": ("[Run](javascript:alert(1)) it.", "[Run](javascript:alert(1)) it."),
    "image": ("![Screenshot](img/hall.png)\n\nPark in hall A.", "Park in hall A."),
    "icon in a sentence": ("Press ![gear](g.png) to open it.", "Press gear to open it."),
    "linked image": ("[![x](a.png)](https://rent.example/)\n\nPark in hall A.", "Park in hall A."),
    "wrapped lines": ("A parcel takes\nThree days.", "A parcel takes Three days."),
    "heading": ("It takes a day.\n\n## When it fails\n\nPay again.", "It takes a day.\n\nWhen it fails:\n\nPay again."),
    "heading without words below": ("One.\n\n## Two\n\n## Three\n\nThree.", "One.\n\nThree:\n\nThree."),
    "numbered ones": ("1. Turn.\n1. Open.\n1. Choose.", "1. Turn.\n2. Open.\n3. Choose."),
    "nested list": ("- One\n  - Sub\n- Two\n\n  More.", "- One\n  - Sub\n- Two More."),
    "tasks": ("- [x] Done", "- [x] Done"),
    "code": ("Type:\n\n```sh\ndf <dir>\n  ls\n```\n\nDone.", "Type:\n\n    df <dir>\n      ls\n\nDone."),
    "code keeps signs": ("```\n<!-- a --> {{ b }} :::c\n```", "    <!-- a --> {{ b }} :::c"),
    "table": ("| Land | Days |\n|---|---|\n| FR | 3 |\n| ES | 4 |", "- Land: FR; Days: 3\n- Land: ES; Days: 4"),
    "quote": ("> Parking is free.\n> Always.", "Parking is free. Always."),
    "callout": ("> [!NOTE]\n> Parking is free.", "Parking is free."),
    "callout with a title": ("> [!tip]- Parking\n> It is free.", "Parking It is free."),
    "colons": (":::tip Parking\nIt is *free*.\n:::", "Parking\n\nIt is free."),
    "colons within colons": ("::::note\n:::tip[Title]\nFree.\n:::\n::::", "Title\n\nFree."),
    "colons of VitePress": ("::: details Parking {open}\nFree.\n:::", "Parking\n\nFree."),
    "exclamations": ('!!! note "Parking"\n    It is free.', "Parking\n\nIt is free."),
    "exclamations without a title": ("!!! warning\n    It is free.", "It is free."),
    "questions": ('??? note "Parking"\n    It is free.', "Parking\n\nIt is free."),
    "tabs": ('=== "Summer"\n    Hall A.\n\n=== "Winter"\n    Hall B.', "Summer\n\nHall A.\n\nWinter\n\nHall B."),
    "kbd": ("Press <kbd>Ctrl</kbd> and ++alt+p++.", "Press Ctrl and Alt+P."),
    "marked": ("It is ==free==.", "It is free."),
    "html": ("It is <b>free</b>.<br>Always <span style='x'>so</span>.", "It is free.\nAlways so."),
    "details": ("<details><summary>Parking</summary>\n\nIt is **free**.\n</details>", "Parking:\n\nIt is free."),
    "html table": ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "- A: 1; B: 2"),
    "Hugo": ('{{< figure src="h.png" >}} Park in hall A.', "Park in hall A."),
    "Hugo block": ("{{% notice tip %}}\nPark in **A**.\n{{% /notice %}}", "Park in A."),
    "Hugo reference": ('See [parking]({{< ref "p.md" >}}).', "See parking."),
    "Jekyll": ("{% include note.html %}\n\nPark in A. {: .note }\n{:toc}", "Park in A."),
    "GitBook": ('{% hint style="info" %}\nPark in A.\n{% endhint %}', "Park in A."),
    "GitBook tab": ('{% tab title="Summer" %}\nPark in A.\n{% endtab %}', "Summer\n\nPark in A."),
    "value of a template": ("Call {{ site.phone }} today. We open at 9.", "We open at 9."),
    "shortcode in a sentence": ('Call {{< param "phone" >}} today. We open at 9.', "We open at 9."),
    "VitePress": ("# Title <Badge text='new' />\n\n[[toc]]\n\nPark in A.", "Park in A."),
    "Obsidian": (
        "![[a.png]] Park as [[Rules|the rules]] and [[Prices#x]] say. ^a1",
        "Park as the rules and Prices say.",
    ),
    "Obsidian comment": ("Park %%not yet%% in A.\n\n%%\nsecret\n%%", "Park in A."),
    "icons": ("Park :material-car:{ .big } in A :tada:", "Park in A"),
    "attributes": ("## Parking {#parking .x}\n\nIn A.", "Parking:\n\nIn A."),
    "footnote": ("Park in A[^1].\n\n[^1]: Free.", "Park in A.\n\n1. Free."),
    "definitions": ("Deposit\n: Three euros", "Deposit: Three euros"),
    "contents": (
        "In this article:\n\n* [One](#one)\n* [Two](#two)\n\n## One\n\nFree.",
        "In this article:\n\nOne:\n\nFree.",
    ),
    "comment": ("Park <!-- not --> in A. <!--\nold\n\nolder\n--> Free.", "Park in A. Free."),
    "comment that never ends": ("Park in A.\n\n<!-- secret\n\nsecret", "Park in A."),
    "comment of Liquid": ("{% comment %} secret {% endcomment %}Park in A.", "Park in A."),
    "snippet": ('--8<-- "part.md"\n\nPark in A.', "Park in A."),
    "fenced admonition": ("```{note} Parking\nIt is *free*.\n```", "Parking\n\nIt is free."),
    "diagram": ("```mermaid\ngraph TD\n```\n\nPark in A.", "Park in A."),
    "windows": ("Park\r\nin A.\r\n\r\nFree.", "Park in A.\n\nFree."),
}
MDX = {
    "imports": ("import Note from '@site/Note';\nexport const a = 1;\n\nPark in A.", "Park in A."),
    "component": ('<Aside type="note">Park in **A**.</Aside>', "Park in A."),
    "component with a title": ('<TabItem label="Summer">\n\nPark in A.\n\n</TabItem>', "Summer\n\nPark in A."),
    "expression in a tag": ("<Tabs values={[{label: 'a > b'}]}>\n  Park in A.\n</Tabs>", "Park in A."),
    "indented": ("<Steps>\n\n    Park in A.\n\n</Steps>", "Park in A."),
    "comment": ("{/* secret */}\n\nPark in A.", "Park in A."),
    "expression": ("Call {phone} today. We open at 9.", "We open at 9."),
    "alone": ("Park in A.\n\n<Video id='x' />", "Park in A."),
}
# Confluence's storage format.
MACRO = '<ac:structured-macro ac:name="%s">'
ICON = '<ac:parameter ac:name="icon">false</ac:parameter>'
RICH = "<ac:rich-text-body>%s</ac:rich-text-body>"
VERBATIM = "<ac:plain-text-body><![CDATA[%s]]></ac:plain-text-body>"
HTML = {
    "links": ('<p>See <a href="https://rent.example/h">hours</a>.</p>', "See hours (https://rent.example/h)."),
    "entities": ("<p>A&nbsp;&amp;&nbsp;B &lt;c&gt;</p>", "A & B <c>"),
    "code": ("<pre><code>a\n  b &lt;c&gt;</code></pre>", "    a\n      b <c>"),
    "ordered": ('<ol start="3"><li><p>A</p><p>B</p></li><li>C</li></ol>', "3. A B\n4. C"),
    "layout": ("<table><tr><td>Park in A.</td></tr></table>", "Park in A."),
    "feedback": ("<p>Park in A.</p><p>Was this article helpful? Yes No</p>", "Park in A."),
    "votes": (
        "<p>Park in A.</p><div>Was this article helpful?</div><div>3 out of 5 found this helpful</div>",
        "Park in A.",
    ),
    "German feedback": ("<p>Park in A.</p><p>War dieser Beitrag hilfreich?</p>", "Park in A."),
    "Confluence": (f"{MACRO % 'info'}{ICON}{RICH % '<p>Park in A.</p>'}</ac:structured-macro>", "Park in A."),
    "Confluence code": (f"{MACRO % 'code'}{VERBATIM % 'a <b>'}</ac:structured-macro>", "    a <b>"),
    "Confluence link": ('<p>See <ac:link><ri:page ri:content-title="Hours" /></ac:link>.</p>', "See Hours."),
}
RST = {
    "note": (".. note:: Park in A.", "Park in A."),
    "emphasis": ("Press **Stop** or *wait*; type ``df``.", "Press Stop or wait; type df."),
    "roles": ("See :doc:`hours <h>`; press :kbd:`Ctrl` in :guilabel:`Save`.", "See hours; press Ctrl in Save."),
    "link": ("See `hours <https://rent.example/h>`_.", "See hours (https://rent.example/h)."),
    "list": ("#. One\n#. Two", "1. One\n2. Two"),
    "code": ("Type::\n\n    df -h\n\nDone.", "Type:\n\n    df -h\n\nDone."),
    "code block": (".. code-block:: sh\n\n   df -h", "    df -h"),
    "comment": (".. secret\n\nPark in A.", "Park in A."),
    "Sphinx": (".. seealso:: Park in A.\n\n.. toctree::\n   :maxdepth: 2\n\n   a", "Park in A."),
    "file": (".. include:: /etc/passwd\n\nPark in A.", "Park in A."),
    "raw": (".. raw:: html\n\n   <b>x</b>\n\nPark in A.", "Park in A."),
    "unknown": (".. mystery:: x\n\n   y\n\nPark in A.", "Park in A."),
}
KINDS = {"markdown": MARKDOWN, "mdx": MDX, "html": HTML, "rst": RST}
SAMPLES = [(kind, name) for kind, samples in KINDS.items() for name in samples]


@pytest.mark.parametrize(("kind", "name"), SAMPLES)
def test_the_words_are_kept_and_the_signs_are_not(kind, name):
    source, text = KINDS[kind][name]

    assert read_article(source, kind, "Title").text == text


INTERNAL = [
    "<!-- internal -->\nsecret\n\n- secret\n<!-- /internal -->",
    "<!-- internal only -->\n```\nsecret\n```\n<!-- end internal -->",
    "<!-- internal: secret -->",
    "> **Internal note:** secret",
    "Internal note: secret",
    "**Nur intern:** secret",
    ":::internal\nsecret\n\n- secret\n:::",
    ":::note Internal note\nsecret\n:::",
    "!!! internal\n    secret\n\n    secret",
    '!!! warning "Staff only"\n    secret',
    "> [!INTERNAL]\n> secret\n>\n> secret",
    "<Internal>\n\nsecret\n\n</Internal>",
    '<div class="internal-only">\n\nsecret\n\n</div>',
    "{{< internal >}}\nsecret\n{{< /internal >}}",
    '{% hint style="internal" %}\nsecret\n{% endhint %}',
    "## Internal notes\n\nsecret\n\n### More\n\nsecret\n\n## After",
    "## Refund limits (internal)\n\nsecret\n\n## After",
    "Note interne : secret",
    "%% secret %%",
    "[//]: # (secret)",
    "[comment]: <> (secret)",
]


@pytest.mark.parametrize("part", INTERNAL)
def test_what_is_for_colleagues_is_left_out(part):
    text = read_article(f"Before.\n\n{part}\n\nAfter.", "markdown", "Title").text

    assert "secret" not in text
    assert (text.startswith("Before."), text.endswith("After.")) == (True, True)


def test_what_is_left_out_is_counted():
    read = read_article("![a](b.png)\n\nInternal note: x\n\nPark in A.\n\n<Video id='x' />", "mdx", "Title")

    assert describe_left_out(read.left_out) == ["1 components", "1 images", "1 internal notes"]


def test_words_of_alarm_in_an_article_for_customers_stay():
    kept = "- Private: only you see the album.\n- Internal storage: 256 GB"

    assert read_article(kept, "markdown", "Title").text == kept


TITLES = {
    "---\ntitle: Reset it\n---\ntext": "Reset it",
    "----\ntitle: Reset it\n----\ntext": "Reset it",
    "\ufeff---\r\ntitle: Reset it\r\n---\r\ntext": "Reset it",
    '+++\ntitle = "Reset it"\ndraft = false\n+++\ntext': "Reset it",
    '{\n"title": "Reset it"\n}\ntext': "Reset it",
    "# Reset **it** {#reset}\n\ntext": "Reset it",
    "Reset it\n========\n\ntext": "Reset it",
    "<h1 align='center'>Reset it</h1>\n\ntext": "Reset it",
    "---\ntitle: Reset it\n---\n# Reset it\n\ntext": "Reset it",
    "text": None,
}


@pytest.mark.parametrize("source", TITLES)
def test_the_title_is_found_and_said_once(source):
    read = read_article(source, "markdown")

    assert (read.title, read.text) == (TITLES[source], "text")


def test_a_rule_between_paragraphs_is_no_front_matter():
    assert read_article("---\n\nPark in A.\n\n---\n\nFree.", "markdown").text == "Park in A.\n\nFree."


@pytest.mark.parametrize("head", ["+++\ntitle = \n+++\ntext", "---\ntitle: [\n---\ntext"])
def test_front_matter_that_cannot_be_read_is_named(head):
    with pytest.raises(InvalidInputError, match="front matter"):
        read_article(head, "markdown")


def test_a_text_is_kept_as_it_is():
    assert read_article("  a **b**\nc  ", "text").text == "a **b**\nc"


@pytest.mark.parametrize(("kind", "name"), [each for each in SAMPLES if "code" not in each[1]])
def test_reading_again_what_was_written_changes_nothing(kind, name):
    text = read_article(KINDS[kind][name][0], kind, "Title").text

    assert read_article(text, "text").text == text


def test_a_link_leads_where_it_led():
    read = read_article("See [hours](https://rent.example/h?x=1&y=2).", "markdown")

    assert find_leads(read.text) == {"https://rent.example/h?x=1&y=2"}


def test_what_is_nested_without_end_is_refused():
    with pytest.raises(InvalidInputError, match="nested too deeply"):
        read_article("".join(f"{' ' * depth}* a\n\n" for depth in range(600)), "rst")


def test_a_word_without_end_is_refused_before_docutils_sits_over_it():
    with pytest.raises(InvalidInputError, match="a word of more than"):
        read_article("1-" * 1_000, "rst")
