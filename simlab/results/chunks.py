"""One chunk of a Zarr v3 array as one file, written whole or not at all.

With the codecs ``bytes`` (little-endian) and ``crc32c``, the Zarr v3 specification makes a chunk
its elements in C order followed by the four bytes of their CRC-32C. Written directly, a block of
256 replicates, 9 estimators and 4 terms costs 1 ms beyond what the disk asks for twelve files,
where assignment through zarr-python costs 12 ms; and nothing depends on whether the installed
zarr-python renames its files too. Tests hold both directions against zarr-python itself.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from simlab.errors import ChunkError
from simlab.files import TooLong, Unread, content, replace_file

CHECKSUM_BYTES = 4


def key(*position: int) -> str:
    """File name of the chunk at `position` in the chunk grid (separator ``.``)."""
    return ".".join(["c", *map(str, position)])


def write(file: Path, values: NDArray[Any], shape: tuple[int, ...], fill: float) -> None:
    """Write `values` as the chunk `file`, padded with `fill` to the chunk's `shape`."""
    chunk = values
    if values.shape != shape:
        chunk = np.full(shape, fill, dtype=values.dtype)
        chunk[tuple(map(slice, values.shape))] = values
    data = chunk.astype(chunk.dtype.newbyteorder("<"), copy=False).tobytes()
    replace_file(file, data + checksum(data))


def read(file: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Read the chunk `file`, of `shape` and `dtype`; read-only. Raises as `checked`."""
    length = dtype.itemsize * math.prod(shape) + CHECKSUM_BYTES
    data = checked(file, length, length)
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)


def checked(file: Path, most: int, least: int = CHECKSUM_BYTES) -> bytes:
    """Read the bytes before the checksum of a file of a length between these two.

    ChunkError if there is no such file, it cannot be read, or its length or checksum is wrong.
    """
    try:
        whole = content(file, most)
    except FileNotFoundError as error:
        raise ChunkError("is missing") from error
    except TooLong as error:
        raise ChunkError(f"has the wrong length, {error.size} bytes") from error
    except Unread as error:
        raise ChunkError(str(error)) from error
    if len(whole) < least:
        raise ChunkError(f"has the wrong length, {len(whole)} bytes")
    data, ending = whole[:-CHECKSUM_BYTES], whole[-CHECKSUM_BYTES:]
    if ending != checksum(data):
        raise ChunkError("fails its checksum")
    return data


def checksum(data: bytes) -> bytes:
    """Return the CRC-32C of some bytes."""
    value: int = google_crc32c.value(data)
    return value.to_bytes(CHECKSUM_BYTES, "little")
