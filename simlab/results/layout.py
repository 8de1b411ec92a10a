"""The metadata of a results store: written once, through zarr-python, and read back as a Schema."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec

from simlab.errors import ChunkError, StoreError
from simlab.files import Unread, content, replace_file
from simlab.performance.stream import laid_out
from simlab.results import chunks
from simlab.results.done import Done
from simlab.results.memory import coordinates, variable_attrs
from simlab.results.root import check
from simlab.results.schema import STORE_ATTRS, TIMES, Schema, Stop, Summed, Variable

STORE_VERSION = 1
BLOCK_CHUNK = (1, 1)
"""Chunk of the arrays with one value per block: a flag is never rewritten with its neighbours."""

STOPPED = np.dtype(np.int8)
"""Type of the reason why a condition stopped; one chunk a condition."""

LARGEST = 1 << 28
"""Bytes of the metadata of an array or a store, among them the labels of all conditions."""

_TYPES = ("bool", "int8", "int32", "int64", "float64")
_METADATA = "zarr.json"
_FLAG = re.compile(r"c\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})")
_FLAG_BYTES = 1 + chunks.CHECKSUM_BYTES


@dataclass(frozen=True, slots=True)
class _Array:
    dims: tuple[str, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: float
    attrs: Mapping[str, Any]
    values: NDArray[Any] | None = None


def chunk_shape(schema: Schema, variable: Variable) -> tuple[int, ...]:
    """Chunk of a variable: one condition, one block of replicates, all of the rest."""
    rows = min(schema.block, schema.replicates)
    return (1, rows, *(max(1, n) for n in schema.shape(variable.dims)))


def lay_out(path: Path, schema: Schema) -> None:
    """Write the metadata of every array, and the values known before the first fit.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    own = {
        "store_version": STORE_VERSION,
        "fingerprint": schema.fingerprint,
        "block": schema.block,
        "replicates": schema.replicates,
        "factors": list(schema.levels),
        "coordinates": " ".join(["key", *schema.levels]),
    }
    if schema.tests:  # stores without tests stay as they always were
        own["tests"] = list(schema.tests)
    if schema.stops:  # and so do those whose conditions do not stop early
        own["stops"] = True
    if schema.summed is not None:
        own["summed"] = {
            "terms": {name: list(terms) for name, terms in schema.summed.terms.items()},
            "streams": [stream.layout() for stream in schema.summed.streams],
        }
    group = zarr.create_group(str(path), zarr_format=3, attributes={**schema.attrs, **own})
    for name, array in _arrays(schema).items():
        group.create_array(
            name,
            shape=schema.shape(array.dims),
            chunks=array.chunk,
            dtype=array.dtype,
            fill_value=array.fill,
            compressors=Crc32cCodec(),
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=array.dims,
            attributes=dict(array.attrs),
        )
        if array.values is not None:
            file = path / name / chunks.key(*(0,) * len(array.dims))
            chunks.write(file, array.values, array.chunk, array.fill)


def renew(path: Path, attributes: Mapping[str, Any]) -> None:
    """Give attributes of the store at `path` new values.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    node = _node(path, "")
    node["attributes"] |= attributes
    replace_file(path / _METADATA, json.dumps(node, indent=2).encode())


def check_root(path: Path) -> dict[str, Any]:
    """Attributes of the results store at `path`, of whatever store version.

    Raises
    ------
    StoreError
        If there is nothing at `path`, or no simlab results store, or its metadata is damaged.
    """
    if not path.exists():
        raise StoreError(f"{path}: no such results store")
    if not path.is_dir():
        raise StoreError(f"{path}: is a file, not a results store; name a folder")
    stranger = f"{path}: is not a simlab results store; name another folder"
    if not os.path.lexists(path / _METADATA):
        raise StoreError(stranger)
    attributes = _node(path, "").get("attributes")
    if not isinstance(attributes, dict) or "store_version" not in attributes:
        raise StoreError(stranger)
    return attributes


def read_schema(path: Path) -> Schema:
    """Rebuild the Schema of the store at `path`.

    Raises
    ------
    StoreError
        As `check_root`, or if the store has another version, or its metadata is damaged.
    """
    root = check_root(path)
    if root["store_version"] != STORE_VERSION:
        raise StoreError(
            f"{path}: has store version {root['store_version']}, this simlab reads version "
            f"{STORE_VERSION}; name another folder, or use the simlab that wrote it"
        )
    if isinstance(sums := root.get("summed"), dict) and "streams" not in sums:
        raise StoreError(
            f"{path}: keeps sums of an earlier version, which are too few for Monte Carlo errors "
            "without normality; run the study again with --overwrite, or name another folder"
        )
    try:
        check(root)
        schema = Schema(
            replicates=root["replicates"],
            block=root["block"],
            estimators=_labels(path, "estimator"),
            terms=_labels(path, "term"),
            mixed=_labels(path, "mixed"),
            keys=_labels(path, "key"),
            levels={factor: _labels(path, factor) for factor in root["factors"]},
            truth=_array(path, "truth"),
            limit=_array(path, "limit"),
            attrs={name: root[name] for name in root if name not in STORE_ATTRS},
            fingerprint=root["fingerprint"],
            tests=tuple(root.get("tests", ())),
            kinds=_labels(path, "kind") if "tests" in root else (),
            null_holds=_array(path, "null_holds") if "tests" in root else None,
            stops=root.get("stops", False),
            summed=_summed(root),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise StoreError(_damaged(path, f"its metadata do not fit together ({error})")) from error
    if schema.summed is None:
        _check_layout(path, schema)
    return schema


def read_done(path: Path, schema: Schema) -> Done:
    """Find the blocks whose flags have been written.

    A flag is a file that is there or not, so one listing of the folder reads them all. A file of
    the wrong length, as a power failure may leave, is no flag.

    Raises
    ------
    StoreError
        If the folder cannot be listed.
    """
    done = Done(schema)
    for at, entry in _flags(path, schema):
        if _is_flag(entry):
            done.add(*at)
    return done


def no_flags(path: Path, schema: Schema, done: Done) -> list[Path]:
    """Files that stand where the flags of blocks that are not done would, and are none.

    Raises
    ------
    StoreError
        If the folder cannot be listed.
    """
    return sorted(Path(entry.path) for at, entry in _flags(path, schema) if at not in done)


def _flags(path: Path, schema: Schema) -> Iterator[tuple[tuple[int, int], os.DirEntry[str]]]:
    """What has the name of a flag, with its condition and its block."""
    folder = path / "done"
    conditions, blocks = schema.shape(("condition", "block"))
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if named := _FLAG.fullmatch(entry.name):
                    condition, number = map(int, named.groups())
                    if condition < conditions and number < blocks:
                        yield (condition, number), entry
    except OSError as error:
        raise StoreError(
            f"{path}: damaged results store: {folder}, which says what is done, cannot be read "
            f"({error.strerror}); put it back, or name another folder"
        ) from error


def _is_flag(entry: os.DirEntry[str]) -> bool:
    """Whether a file may be a flag: what it says is read with its block."""
    try:
        found = entry.stat()
    except OSError:  # a link that leads nowhere
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == _FLAG_BYTES


def _arrays(schema: Schema) -> dict[str, _Array]:
    """Every array of the store."""
    arrays = _per_replicate(schema) if schema.summed is None else {}
    if schema.stops:
        attrs = variable_attrs("stopped")
        arrays["stopped"] = _Array(("condition",), (1,), STOPPED, int(Stop.NOT_YET), attrs)
    for name, dims in schema.known.items():
        arrays[name] = _known(dims, getattr(schema, name), variable_attrs(name))
    for name, (dim, labels) in coordinates(schema).items():
        arrays[name] = _known((dim,), *_encode(labels))
    return arrays


def _per_replicate(schema: Schema) -> dict[str, _Array]:
    """The arrays that blocks are written to."""
    arrays: dict[str, _Array] = {}
    for name, v in schema.variables.items():
        dims = ("condition", "replicate", *v.dims)
        attrs = variable_attrs(name)
        arrays[name] = _Array(dims, chunk_shape(schema, v), v.dtype, v.fill, attrs)
    each_block = ("condition", "block")
    for name in TIMES:
        attrs = variable_attrs(name)
        arrays[name] = _Array(each_block, BLOCK_CHUNK, np.dtype(np.float64), np.nan, attrs)
    flag = variable_attrs("done")
    arrays["done"] = _Array(each_block, BLOCK_CHUNK, np.dtype(np.bool_), False, flag)
    return arrays


def _known(dims: tuple[str, ...], values: NDArray[Any], attrs: Mapping[str, Any]) -> _Array:
    fill = values.dtype.type(0)
    return _Array(dims, _whole(values.shape), values.dtype, fill, attrs, values)


def _whole(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(1, n) for n in shape)


def _encode(values: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Strings become codes into the attribute ``labels``; numbers stay."""
    if values.dtype.kind != "U":
        return values, {}
    labels = list(dict.fromkeys(values.tolist()))
    code = {label: i for i, label in enumerate(labels)}
    codes = np.array([code[label] for label in values.tolist()], dtype=np.int32)
    return codes, {"flag_values": list(range(len(labels))), "labels": labels}


def _summed(root: Mapping[str, Any]) -> Summed | None:
    if "summed" not in root:
        return None
    terms, streams = (root["summed"][name] for name in Summed._fields)
    return Summed({name: tuple(own) for name, own in terms.items()}, tuple(map(laid_out, streams)))


def _labels(path: Path, name: str) -> tuple[Any, ...]:
    values = _array(path, name).tolist()
    labels = _node(path, name)["attributes"].get("labels")
    if labels is None:
        return tuple(values)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"the labels of {name!r} are no list of texts")
    return tuple(labels[code] for code in values)


def _array(path: Path, name: str) -> NDArray[Any]:
    """Read an array that is one chunk."""
    node = _node(path, name)
    shape, kind = node.get("shape"), node.get("data_type")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise StoreError(_damaged(path, f"{path / name / _METADATA} has no shape"))
    if kind not in _TYPES:
        raise StoreError(_damaged(path, f"{path / name / _METADATA} has no data_type that is read"))
    file = path / name / chunks.key(*(0,) * len(shape))
    try:
        chunk = chunks.read(file, np.dtype(kind), _whole(tuple(shape)))
    except ChunkError as error:
        raise StoreError(_damaged(path, f"array {name!r}, chunk {file.name} {error}")) from error
    return chunk[tuple(map(slice, shape))].copy()


def _node(path: Path, name: str) -> dict[str, Any]:
    file = path / name / _METADATA
    try:
        node = json.loads(content(file, LARGEST))
    except FileNotFoundError:
        raise StoreError(_damaged(path, f"{file} is missing")) from None
    except Unread as error:
        raise StoreError(_damaged(path, f"{file} {error}")) from None
    except ValueError as error:
        raise StoreError(_damaged(path, f"{file} cannot be read ({error})")) from error
    except RecursionError:
        raise StoreError(_damaged(path, f"{file} is nested too deeply")) from None
    if not isinstance(node, dict) or not isinstance(node.get("attributes", {}), dict):
        raise StoreError(_damaged(path, f"{file} is not Zarr metadata"))
    return node


def _check_layout(path: Path, schema: Schema) -> None:
    """A block must be exactly one chunk, or writing it would destroy its neighbours."""
    for name, variable in schema.variables.items():
        node = _node(path, name)
        shape = schema.shape(("condition", "replicate", *variable.dims))
        chunk: Any = node
        for key in ("chunk_grid", "configuration", "chunk_shape"):
            chunk = chunk.get(key) if isinstance(chunk, dict) else None
        if (node.get("shape"), chunk) != (list(shape), list(chunk_shape(schema, variable))):
            raise StoreError(_damaged(path, f"array {name!r} is not laid out one chunk a block"))


def _damaged(path: Path, what: str) -> str:
    return (
        f"{path}: damaged results store: {what}; repeat the run, which mends all but the store's "
        f"own {_METADATA}, or name another folder"
    )
