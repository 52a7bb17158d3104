import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.console import as_json, guarded, inert, say, shown, table


@given(st.text(st.characters()))
def test_nothing_that_moves_a_terminal_survives(text):
    shown = inert(text)
    shown.encode()  # can be written
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2066" for c in shown)


def test_plain_text_is_left_alone():
    assert inert("Zoë: 5 < 6 \\n 🎬") == "Zoë: 5 < 6 \\n 🎬"


@pytest.mark.parametrize("columns", [30, 40, 60, 100])
def test_no_figure_of_a_table_is_cut_on_a_narrow_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    table(["model", "accuracy", "interval"], [["a long name " * 4, "65.02%", "49.2% to 71.0%"]])
    shown = capsys.readouterr().out
    assert "65.02%" in shown
    assert "49.2% to 71.0%" in shown
    assert "…" not in shown


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(json_values, st.sampled_from([None, 2]))
def test_json_is_read_back_and_inert(value, indent):
    text = as_json(value, indent=indent)
    assert json.loads(text) == value
    assert inert(text.replace("\n", "")) == text.replace("\n", "")


def test_what_json_has_no_word_for_becomes_null():
    assert json.loads(as_json({"a": [float("nan"), (1, float("inf"))]})) == {"a": [None, [1, None]]}


def test_a_message_of_several_lines_keeps_them(capsys):
    say("one\ntwo\x1b[2J")
    assert capsys.readouterr().err == "one\ntwo\\x1b[2J\n"


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\r"])
def test_only_line_feeds_divide_lines(capsys, separator):
    say(f"a{separator}b")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_what_the_system_refuses_is_the_users_to_mend(capsys, tmp_path):
    def command():
        raise PermissionError(13, "Permission denied", str(tmp_path / "x"))

    with pytest.raises(SystemExit) as left:
        guarded(command)()
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert str(tmp_path / "x") in shown and "Traceback" not in shown


def test_what_follows_a_result_is_done_though_its_reader_has_left():
    done = []
    with shown():  # under pytest standard output has no number of its own
        raise BrokenPipeError
    done.append("file")
    assert done == ["file"]
