"""One chunk of a Zarr v3 array as one file, written whole or not at all.

With the codecs ``bytes`` (little-endian) and ``crc32c``, the Zarr v3 specification makes a chunk
its elements in C order followed by the four bytes of their CRC-32C. Written directly, a block of
256 replicates, 9 estimators and 4 terms costs 1 ms beyond what the disk asks for twelve files,
where assignment through zarr-python costs 12 ms; and nothing depends on whether the installed
zarr-python renames its files into place. Tests hold both directions against zarr-python itself.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from simlab.errors import Error

CHECKSUM_BYTES = 4


class ChunkError(Error):
    """A chunk file is missing, has the wrong length, or fails its checksum."""


def key(*position: int) -> str:
    """File name of the chunk at `position` in the chunk grid (separator ``.``)."""
    return ".".join(["c", *map(str, position)])


def write(file: Path, values: NDArray[Any], shape: tuple[int, ...], fill: float) -> None:
    """Write `values` as the chunk `file`, padded with `fill` to the chunk's `shape`.

    The bytes go to a file beside it, which is then renamed: whoever is killed here leaves either
    the old file or the new one.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    chunk = values
    if values.shape != shape:
        chunk = np.full(shape, fill, dtype=values.dtype)
        chunk[tuple(map(slice, values.shape))] = values
    data = chunk.astype(chunk.dtype.newbyteorder("<"), copy=False).tobytes()
    partial = f"{file}.partial"
    try:
        with open(partial, "wb") as stream:
            stream.write(data)
            stream.write(_checksum(data))
        os.replace(partial, file)
    except OSError:
        with suppress(OSError):  # a full disk needs the room
            os.unlink(partial)
        raise


def read(file: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Read the chunk `file`.

    Returns
    -------
    NDArray
        Of `shape` and `dtype`; read-only.

    Raises
    ------
    ChunkError
        If there is no such file, or its length or checksum is wrong.
    OSError
        If the file cannot be read.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise ChunkError("is missing") from error
    data, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if len(data) != dtype.itemsize * int(np.prod(shape)):
        raise ChunkError(f"has the wrong length, {len(content)} bytes")
    if checksum != _checksum(data):
        raise ChunkError("fails its checksum")
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)


def _checksum(data: bytes) -> bytes:
    value: int = google_crc32c.value(data)
    return value.to_bytes(CHECKSUM_BYTES, "little")
