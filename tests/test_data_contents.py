"""Files that are no tables are named as what they are; packed ones and pipes are read."""

import gzip
import io
import os
import subprocess
import sys
import threading
import zipfile

import pytest
from damage_cases import NO_FILES

from simlab import files
from simlab.config import ConfigError, load
from simlab.data import DataError, DataWarning, formats, read
from simlab.data.formats import unpacked

TABLE = b"school,y\na,1\nb,2\n"


def packed(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "application/vnd.oasis.opendocument.spreadsheet")
    return stream.getvalue()


OTHERS = {
    "an OpenDocument spreadsheet (.ods); save it as CSV": packed("mimetype", "content.xml"),
    "a ZIP archive; unpack it": packed("data.csv").replace(b"spreadsheet", b"anything..."),
    "an old Excel workbook (.xls); save it": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
    "an R data file": gzip.compress(b"X\n\x00\x00\x00\x03\x00\x04"),
    "an R data file (.rds": gzip.compress(b"RDX3\nX\n\x00\x00\x00\x03"),
    "a PDF document; name a CSV file": b"%PDF-1.7\n%\xe2\xe3",
    "an image": b"\x89PNG\r\n\x1a\n\x00",
    "an image; name": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "an HTML page; save the table": b"\xef\xbb\xbf\n<!DOCTYPE HTML>\n<html>",
    "text in UTF-16; save it": "school,y\na,1\n".encode("utf-16"),
    "a packed file; unpack it": b"\xfd7zXZ\x00\x00\x04",
}


@pytest.mark.parametrize(("message", "content"), OTHERS.items(), ids=OTHERS)
@pytest.mark.parametrize("name", ["d.csv", "d.xlsx"])
def test_a_file_is_named_as_what_it_is(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(tmp_path / name)
    assert f"{tmp_path / name}: is {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "header", ["PAR1", "pk", "bmi", "html", "%PDF", "X", "GIF", "image", "xl/", "rtf", "CDF"]
)
def test_control_a_table_whose_header_begins_alike_is_read(tmp_path, header):
    (tmp_path / "d.csv").write_text(f"{header},y\n1,2\n")
    assert list(read(tmp_path / "d.csv").columns) == [header, "y"]


def test_a_table_may_be_packed_by_gzip(tmp_path):
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(TABLE[:9]) + gzip.compress(TABLE[9:]))
    assert read(tmp_path / "d.csv.gz")["y"].tolist() == [1, 2]
    for content in (gzip.compress(TABLE)[:-9], gzip.compress(TABLE) + gzip.compress(TABLE)[:12]):
        (tmp_path / "d.csv").write_bytes(content)
        with pytest.raises(DataError, match="gzip file that is cut short; copy it again"):
            read(tmp_path / "d.csv")
    (tmp_path / "d.csv").write_bytes(gzip.compress(TABLE)[:-8] + bytes(8))
    with pytest.raises(DataError, match=r"damaged gzip file .*; compress it again"):
        read(tmp_path / "d.csv")


def test_what_is_packed_may_not_fill_the_memory(tmp_path, monkeypatch):
    most = 10 << 20
    monkeypatch.setattr(formats, "MOST", most)
    bomb = gzip.compress(b"y\n" + b"1\n" * (20 * most))
    assert len(bomb) < most
    seen = []
    real = formats._members
    monkeypatch.setattr(formats, "_members", lambda c: (seen.append(len(p)) or p for p in real(c)))
    with pytest.raises(DataError, match=f"holds more than {most:,} bytes when it is unpacked"):
        unpacked(bomb, tmp_path)
    assert sum(seen) <= most + (1 << 20)


def test_a_file_may_not_fill_the_memory(tmp_path):
    with (tmp_path / "d.csv").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(DataError, match=r"d.csv: is too large, 1,099,511,627,776 bytes; a table"):
        read(tmp_path / "d.csv")


# ---------------------------------------------------------------- no files


@pytest.mark.parametrize("name", [name for name in NO_FILES if "pipe" not in name])
def test_what_is_no_file_is_refused(tmp_path, name):
    NO_FILES[name](tmp_path / "d")
    with pytest.raises(DataError, match=f"d: {name}; name a CSV file"):
        read(tmp_path / "d")
    with pytest.raises(ConfigError, match=f"{name}; name a YAML file"):
        load(tmp_path / "d")


def writer(pipe, content):
    """Write into a pipe from another thread, as soon as somebody reads."""
    thread = threading.Thread(target=pipe.write_bytes, args=(content,))
    thread.start()
    return thread


def test_a_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "p")
    rows = b"".join(b"a,%d\n" % i for i in range(50_000))  # more than a pipe holds
    thread = writer(tmp_path / "p", b"school,y\n" + rows)
    assert len(read(tmp_path / "p")) == 50_000
    thread.join()
    thread = writer(tmp_path / "p", gzip.compress(TABLE))
    assert len(read(tmp_path / "p")) == 2
    thread.join()


def test_a_pipe_that_nobody_writes_to_is_waited_for_aloud(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 1)
    os.mkfifo(tmp_path / "p")
    threads = []

    def begin(text, category, **_):
        assert "is a pipe, and nothing comes of it yet; waiting for what writes to it" in text
        assert category is DataWarning
        threads.append(writer(tmp_path / "p", TABLE))

    monkeypatch.setattr("simlab.data.reading.warnings.warn", begin)
    assert len(read(tmp_path / "p")) == 2
    assert len(threads) == 1, "it was said once"
    threads[0].join()


def test_a_study_waits_for_its_pipe_aloud(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 1)
    os.mkfifo(tmp_path / "p")
    texts = []

    def write(text):
        if "waiting" in text:
            texts.append((text, writer(tmp_path / "p", b"name: x\nnonsense: 1\n")))

    monkeypatch.setattr("sys.stderr", type("Stream", (), {"write": write, "flush": lambda: 0}))
    with pytest.raises(ConfigError, match="nonsense"):
        load(tmp_path / "p")
    ((text, thread),) = texts
    assert text == (
        f"simlab: {tmp_path / 'p'}: is a pipe, and nothing comes of it yet; waiting for what "
        "writes to it"
    )
    thread.join()


READ = """
import sys
from simlab.data import DataError, read
print(len(read(sys.argv[1])))
try:
    read(sys.argv[1])
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("place", ["/dev/stdin", "/dev/fd/0"])
def test_a_pipe_without_a_name_is_read_once(place):
    command = [sys.executable, "-c", READ, place]
    ran = subprocess.run(command, input=TABLE, capture_output=True, check=True, timeout=600)
    message = f"2\n{place}: the file is empty; a pipe can be read once: save it in a file\n"
    assert ran.stdout.decode() == message
