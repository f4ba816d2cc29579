"""Reads corpus/*.txt: names, verdicts and raw bytes."""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
DIRECTORY = os.path.join(os.path.dirname(HERE), "corpus")

_SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\", "0": b"\0"}


def unescape(text):
    out = b""
    i = 0
    while i < len(text):
        ch = text[i]
        if ch == "\\":
            if text[i + 1] == "x":
                out += bytes([int(text[i + 2:i + 4], 16)])
                i += 4
            else:
                out += _SIMPLE[text[i + 1]]
                i += 2
        elif ch == "{":
            m = re.match(r"\{((?:[^{}]|\\.)*?)\*([0-9]+)\}", text[i:])
            if m:
                out += unescape(m.group(1)) * int(m.group(2))
                i += m.end()
            else:
                out += b"{"
                i += 1
        else:
            out += ch.encode("latin-1")
            i += 1
    return out


class Entry:
    def __init__(self, name, fields, data):
        self.name = name
        self.verdict = fields["verdict"]
        self.fields = fields
        self.data = data


def read(name):
    """All entries of corpus/NAME in the file's order."""
    with open(os.path.join(DIRECTORY, name)) as f:
        text = f.read()
    entries = []
    for block in re.split(r"\n\n+", text):
        lines = [x for x in block.split("\n") if not x.startswith("# ")
                 and x not in ("#", "")]
        if not lines or not lines[0].startswith("case: "):
            continue
        fields = {}
        while lines and re.match(r"(case|verdict|end): ", lines[0]):
            key, value = lines.pop(0).split(": ", 1)
            fields[key] = value
        entries.append(Entry(fields["case"], fields,
                             b"".join(unescape(x) for x in lines)))
    names = [e.name for e in entries]
    assert len(set(names)) == len(names), "two cases of one name"
    return entries
