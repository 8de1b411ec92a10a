"""What can become of a file: each is done to one, and leaves something else under its name."""

import os
import socket


def _bound(file):
    """Leave a socket; its name may be no longer than 100 bytes, so it is made from its folder."""
    here = os.getcwd()
    os.chdir(file.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(file.name)
    finally:
        os.chdir(here)


def _instead(make):
    def damage(file):
        file.unlink()
        make(file)

    return damage


def _full_folder(file):
    file.mkdir()
    (file / "thesis.txt").write_text("years of work")


def _grown(file):
    """Make a file of a terabyte that takes no room."""
    with file.open("r+b") as stream:
        stream.truncate(1 << 40)


NO_FILES = {
    "is a folder": _full_folder,
    "is a link that leads nowhere": lambda file: file.symlink_to(file.parent / "nowhere"),
    "is a device": lambda file: file.symlink_to("/dev/zero"),
    "is a named pipe": os.mkfifo,
    "is a socket": _bound,
}
"""By what is said of it: something else under the name of a file that is not there."""

DAMAGES = {
    **{name: _instead(make) for name, make in NO_FILES.items()},
    "is missing": _instead(lambda file: None),
    "empty": lambda file: file.write_bytes(b""),
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "grown": _grown,
}
"""Every way in which a file can be no more what it was, its bytes aside."""
