"""Results of runs: kept as they end, not made twice, readable after a kill; and what is put into a page."""

from __future__ import annotations


def test_a_run_is_kept_and_known_again_after_a_kill(load, tmp_path):
    records = load("records")
    path = tmp_path / "new" / "runs.jsonl"
    first = records.Records(path, ("arm", "seed"))
    first.add({"arm": "a", "seed": 1, "x": 5})
    with path.open("a") as stream:
        stream.write('{"arm": "b", "se')
    again = records.Records(path, ("arm", "seed"))
    assert {"arm": "a", "seed": 1} in again
    assert {"arm": "b", "seed": 1} not in again
    assert [row["x"] for row in again.where(arm="a")] == [5]


def test_the_text_goes_between_the_marks_alone(load, tmp_path):
    put, page = load("records").put, tmp_path / "page.md"
    page.write_text("before\n<!-- a.py -->\nold\n<!-- end of a.py -->\nafter\n")
    put(page, "a.py", "new")
    put(page, "b.py", "nowhere")
    assert page.read_text() == "before\n<!-- a.py -->\n\nnew\n\n<!-- end of a.py -->\nafter\n"


def test_an_interval_holds_its_median_and_infinity_is_allowed(load):
    intervals = load("intervals")
    assert intervals.interval([3.0] * 5) == (3.0, 3.0, 3.0)
    middle, low, high = intervals.interval([1.0, 2.0, 3.0, 4.0, float("inf")], intervals.upper_median)
    assert low <= middle == 3.0 <= high
    assert high == float("inf")
