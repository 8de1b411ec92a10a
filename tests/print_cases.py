"""Reading back of what simlab prints: numbers from text, text from HTML."""

import re
from html.parser import HTMLParser

NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


def cells(text, name, title="Fixed effects"):
    """Numbers, as printed, in the row that `name` begins, below a title."""
    below = text[text.index(title) :].split("\n")
    line = next(row for row in below if row.startswith(f"  {name}  "))
    return re.findall(rf"(?<!\S){NUMBER}(?!\S)", line[len(name) + 2 :])


def agrees(printed, truth):
    mantissa, _, exponent = printed.partition("e")
    decimals = len(mantissa.partition(".")[2])
    unit = 10.0 ** (int(exponent or 0) - decimals)
    return abs(float(printed) - truth) <= 0.5 * unit * (1 + 1e-9) + 1e-6 * abs(truth)


class Tags(HTMLParser):
    """Checks that every tag is closed, in order; collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.names = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.names.add(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def checked(html):
    """Text of a page that is well formed and asks nothing of anybody."""
    reader = Tags()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    assert not reader.names & {"script", "link", "img", "iframe", "object"}
    for outside in ("http:", "https:", "url(", "@import", "javascript:"):
        assert outside not in html
    return " ".join(reader.text)
