from __future__ import annotations

from medl.automl.console.rendering import drawn, shown


def test_a_table_between_rules():
    assert drawn(["NAME", "STATE"], [["W1", "busy"], ["W2", "idle, suspended"]]).splitlines() == [
        "--------------------------",
        "| NAME | STATE           |",
        "--------------------------",
        "| W1   | busy            |",
        "| W2   | idle, suspended |",
        "--------------------------",
    ]


def test_one_without_a_head_and_one_without_rows():
    assert drawn(["", ""], [["NAME", "W1"]]).splitlines()[1] == "| NAME | W1 |"
    assert "| NAME |" in drawn(["NAME"], [])


def test_nothing_wraps_and_nothing_is_markup():
    wide = "x" * 400
    assert f"| {wide} | [red]a[/red] |" in drawn(["A", "B"], [[wide, "[red]a[/red]"]])


def test_what_steers_a_terminal_is_left_out():
    reply = {
        "ok": True,
        "parts": [{"text": "a\x1b[2Jb\r\x07\u202ec\nd\te"}, {"columns": ["N"], "rows": [["\x1b]0;x\x07"]]}],
    }
    text = shown(reply)
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert text.startswith("a[2Jbc\nd\te\n")


def test_a_strange_reply_is_no_error():
    assert shown({"parts": "x"}) == ""
    assert shown({"parts": [3, {"text": 4}]}) == "4"
