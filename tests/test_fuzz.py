"""The target of ``make fuzz`` against a few made-up files, so that it is known to run."""

import gzip

import pytest

from tests.fuzz.readers import target

SEEDS = [
    b"",
    b"\0text,label\ngood,pos\nbad,neg\n",
    b'\0text,label\n"good,pos\nbad,neg\n',
    b"\1text\tlabel\n\xff\tpos\n",
    b'\2{"text": "good", "label": "pos"}\n[[[[\n',
    b"\3PAR1 and nothing PAR1",
    b"\4" + gzip.compress(b"text,label\na,b\nc,d\n", mtime=0),
    b"\4" + gzip.compress(b"text,label\na,b\nc,d\n", mtime=0)[:-5],
    b"\5" + gzip.compress(b"no archive", mtime=0),
]


@pytest.mark.parametrize("content", SEEDS)
def test_made_up_files_are_read_or_refused(content):
    target(content)


def test_the_target_notices_what_is_no_refusal(monkeypatch):
    monkeypatch.setattr("plaudit.score.read.find", lambda path, text: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        target(SEEDS[1])
