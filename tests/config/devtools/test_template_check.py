"""Each rule for the layout of templates, broken and kept."""

from pathlib import Path

import pytest

from config.devtools.template_check import LONGEST_LINE, faults, main

BROKEN = {
    "a long line": ("x" * (LONGEST_LINE + 1), ["1: 121 characters, 120 at most"]),
    "a block-level element in a line": ("a\nb <p>c</p>", ["2: <p> does not begin its line"]),
    "two block-level elements": (
        "<li><p>a</p></li>",
        ["1: <p> does not begin its line"],
    ),
    "a block-level element cut after its text": (
        "<p>a\n</p>",
        ["1: <p> is not alone on its line, and does not end on it"],
    ),
    "an end tag behind another": (
        "<ul>\n<li>\na\n</li></ul>",
        ["4: </li> is not alone on its line", "4: </ul> is not alone on its line"],
    ),
    "two elements with nothing between": (
        "<a>a</a><a>b</a>",
        ["1: <a> follows another element with nothing between"],
    ),
    "an element right after one without end tag": (
        "<input><span>a</span>",
        ["1: <span> follows another element with nothing between"],
    ),
    "two block tags with white space between": (
        "{% if a %}b{% endif %} {% if c %}d{% endif %}",
        ["1: a second block tag, {% if %}, on one line"],
    ),
    "a block tag that fills the line with another in it": (
        "{% for a in b %}{% if a %}c{% endif %}{% endfor %}",
        ["1: a second block tag, {% if %}, on one line"],
    ),
    "a block tag cut after its text": (
        "{{ a }}{% if b %}, c\n{% endif %}",
        [
            "1: {% if %} does not begin its line, nor end on it",
            "1: {% if %} does not end its line",
        ],
    ),
    "an else in a line": (
        "{% if a %}\n  b{% else %}\n  c\n{% endif %}",
        ["2: {% else %} does not begin its line"],
    ),
    "a chain over codes": (
        '{% if a.kind == "x" %}\n  b\n{% elif a.kind == "y" %}\n  c\n{% endif %}',
        ["1: a chain of conditions over the codes of a.kind"],
    ),
    "plain spaces beside French signs": (
        '<p>a : b\xa0: c</p>\n<p>{% translate "Quoi ?" %}</p>\n<p>\n  « a\xa0»\n  ;\n</p>',
        [
            f"{line}: a plain space beside a sign, where a no-break one belongs"
            for line in (1, 2, 4, 5)
        ],
    ),
    "a chain with an alternative": (
        '{% if b %}\n  c\n{% elif a == "x" or a == "y" %}\n  d\n{% elif a == "z" %}\n  e\n{% endif %}',
        ["1: a chain of conditions over the codes of a"],
    ),
}

KEPT = {
    "a text with inline elements": '<p>a <b>b</b>, <a href="#">c</a></p>',
    "block tags that are glued": "{{ a }}{% if b %}, {{ b }}{% endif %}{% if c %}, {{ c }}{% endif %}",
    "a block tag of several lines": "{% if a %}\n  {{ b }}\n{% else %}\n  c\n{% endif %}.",
    "a text of several lines in an inline element": (
        "<strong>{% blocktranslate trimmed %}\n  a\n{% endblocktranslate %}</strong>"
    ),
    "white space of a text that is translated": (
        "{% blocktranslate %}a b{% endblocktranslate %}{% if c %}, d{% endif %}"
    ),
    "the end of a block behind its text": "{% block title %}\n{{ a }}{% endblock title %}",
    "attributes over several lines": '<td class="a"\n    id="b{% if c %}-c{% endif %}">\n  d\n</td>',
    "conditions inside a tag": '<li{% if a %} class="b"{% endif %}{% if c %} id="d"{% endif %}>e</li>',
    "two conditions over two variables": '{% if a == "x" %}\n  b\n{% elif c == "x" %}\n  d\n{% endif %}',
    "an element without end tag": '<p>\n  <img src="a">\n</p>',
    "a script": '<script type="application/json">\n  {"a": ["<p>", "<p>"]}\n</script>',
    "no-break spaces, a time and an address": (
        '<p>«\xa0a\xa0»\xa0! 9:30 https://a.example/?b</p>\n<p>{% translate "Quoi\xa0?" %}</p>'
    ),
    "a comment of several lines": "{% comment %}\n  a <p> b\n{% endcomment %}",
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_breaks_a_rule_is_found_with_its_line(case: str) -> None:
    text, expected = BROKEN[case]

    assert [f"{fault.line}: {fault.message}" for fault in faults(text)] == expected


@pytest.mark.parametrize("case", KEPT)
def test_what_keeps_the_rules_is_left_alone(case: str) -> None:
    assert faults(KEPT[case]) == []


def test_of_a_mail_in_plain_text_only_length_and_chains_are_checked() -> None:
    chain, _expected = BROKEN["a chain over codes"]

    found = faults(f"{{% if a %}}b{{% endif %}} {{% if c %}}d{{% endif %}}\n{chain}", is_page=False)

    assert [fault.line for fault in found] == [2]


def test_the_command_prints_each_fault_with_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.html").write_text("<p>a</p>\n", encoding="utf-8")
    assert main([str(tmp_path)]) == 0

    (tmp_path / "bad.html").write_text("<p>a</p>\n<p>b</p><p>c</p>\n", encoding="utf-8")
    (tmp_path / "bad.txt").write_text("x" * 130, encoding="utf-8")

    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/bad.html:2: <p> does not begin its line",
        f"{tmp_path}/bad.html:2: <p> follows another element with nothing between",
        f"{tmp_path}/bad.txt:1: 130 characters, 120 at most",
    ]
