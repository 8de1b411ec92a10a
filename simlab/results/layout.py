"""The metadata of a results store: written once, through zarr-python, and read back as a Schema."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlab.errors import MOST, ChunkError, StoreError
from simlab.files import Unread, content, replace_file
from simlab.performance.stream import stream_of
from simlab.results import chunks
from simlab.results.labelled import coordinates, known_variables, variable_attrs
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
_TEXT = (
    "name", "config_text", "versions", "python", "machine", "git_revision", "folder", "created",
    "fingerprint",
)  # fmt: skip
_JSON = ("config", "code", "data")


def chunk_shape(schema: Schema, variable: Variable) -> tuple[int, ...]:
    """Chunk of a variable: one condition, one block of replicates, all of the rest."""
    rows = min(schema.block, schema.replicates)
    return (1, rows, *(max(1, n) for n in schema.shape(variable.dims)))


def lay_out(path: Path, schema: Schema) -> None:
    """Write the metadata of every array, and the values known before the first fit."""
    import zarr  # not needed in memory, nor to read
    from zarr.codecs import Crc32cCodec

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
            "streams": [stream.to_dict() for stream in schema.summed.streams],
        }
    group = zarr.create_group(str(path), zarr_format=3, attributes={**schema.attrs, **own})

    def add(
        name: str, dims: tuple[str, ...], chunk: tuple[int, ...], dtype: np.dtype[Any],
        fill: float, attrs: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Create one array of the store: its chunks end with a CRC-32C."""
        group.create_array(
            name,
            shape=schema.shape(dims),
            chunks=chunk,
            dtype=dtype,
            fill_value=fill,
            compressors=Crc32cCodec(),
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=dims,
            attributes=dict(attrs),
        )

    if schema.summed is None:
        for name, v in schema.variables.items():
            dims = ("condition", "replicate", *v.dims)
            add(name, dims, chunk_shape(schema, v), v.dtype, v.fill, variable_attrs(name))
        for name, fill in {**dict.fromkeys(TIMES, np.nan), "done": False}.items():
            dtype = np.dtype(np.float64 if name in TIMES else np.bool_)
            add(name, ("condition", "block"), BLOCK_CHUNK, dtype, fill, variable_attrs(name))
    if schema.stops:
        fill = int(Stop.NOT_YET)
        add("stopped", ("condition",), (1,), STOPPED, fill, variable_attrs("stopped"))
    labels = {k: ((dim,), *_encode(values)) for k, (dim, values) in coordinates(schema).items()}
    for name, (dims, values, attrs) in (known_variables(schema) | labels).items():
        chunk, fill = _whole(values.shape), values.dtype.type(0)
        add(name, dims, chunk, values.dtype, fill, attrs)
        chunks.write(path / name / chunks.key(*(0,) * len(dims)), values, chunk, fill)


def renew(path: Path, attributes: Mapping[str, Any]) -> None:
    """Give attributes of the store at `path` new values."""
    node = _node(path, "")
    node["attributes"] |= attributes
    replace_file(path / _METADATA, json.dumps(node, indent=2).encode())


def check_root(path: Path) -> dict[str, Any]:
    """Attributes of the results store at `path`, of whatever store version.

    StoreError if there is nothing, or no simlab results store, or its metadata is damaged.
    """
    if not path.exists():
        raise StoreError(f"{path}: no such results store")
    if not path.is_dir():
        raise StoreError(f"{path}: is a file, not a results store; name a folder")
    stranger = f"{path}: is not a simlab results store; name {_stores_in(path) or 'another folder'}"
    if not os.path.lexists(path / _METADATA):
        raise StoreError(stranger)
    attributes = _node(path, "").get("attributes")
    if not isinstance(attributes, dict) or "store_version" not in attributes:
        raise StoreError(stranger)
    return attributes


def _stores_in(path: Path) -> str:
    """The stores in a folder, of which one may be meant."""
    with suppress(OSError):
        found = sorted(str(each) for each in path.glob("*.zarr") if (each / _METADATA).is_file())
        return " or ".join(found[:3])
    return ""


def read_schema(path: Path) -> Schema:
    """Rebuild the Schema of the store at `path`.

    StoreError as `check_root`, or if it has another version, or metadata that do not fit together.
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
        _check_root(root)
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
        raise _damaged(path, f"its metadata do not fit together ({error})") from error
    if schema.summed is None:
        _check_layout(path, schema)
    return schema


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


def _check_root(root: Mapping[str, Any]) -> None:
    """Refuse attributes of a store that no simlab wrote: a file can be damaged and still be JSON.

    ValueError if one is missing or is of another kind; it names the attribute.
    """
    for name in ("replicates", "block"):
        if type(number := root.get(name)) is not int or not 1 <= number <= MOST:
            raise ValueError(f"{name!r} is no number from 1 to {MOST:,}")
    for name in ("factors", "tests"):
        names = root.get(name, [] if name == "tests" else None)
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise ValueError(f"{name!r} is no list of names")
    if not isinstance(root.get("stops", False), bool):
        raise ValueError("'stops' is neither true nor false")
    for name in (*_TEXT, *_JSON):
        if not isinstance(root.get(name, "{}"), str):
            raise ValueError(f"{name!r} is no text")
    for name in _JSON:
        if not isinstance(_parsed(root.get(name, "{}")), dict):
            raise ValueError(f"{name!r} is no JSON of names and values")
    for name in ("fingerprint", "config", "name", "seed"):
        if name not in root:
            raise ValueError(f"{name!r} is missing")
    level = root.get("level", 0.95)
    if not isinstance(level, float) or not 0 < level < 1:
        raise ValueError("'level' is no number between 0 and 1")


def _parsed(text: str) -> Any:
    """Content of a JSON text; None if it cannot be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _summed(root: Mapping[str, Any]) -> Summed | None:
    """Terms and streams of a store that keeps measures; None of another."""
    if "summed" not in root:
        return None
    terms, streams = (root["summed"][name] for name in Summed._fields)
    return Summed({name: tuple(own) for name, own in terms.items()}, tuple(map(stream_of, streams)))


def _labels(path: Path, name: str) -> tuple[Any, ...]:
    """Labels along a dimension, from the array of its coordinate."""
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
        raise _damaged(path, f"{path / name / _METADATA} has no shape")
    if kind not in _TYPES:
        raise _damaged(path, f"{path / name / _METADATA} has no data_type that is read")
    file = path / name / chunks.key(*(0,) * len(shape))
    try:
        chunk = chunks.read(file, np.dtype(kind), _whole(tuple(shape)))
    except ChunkError as error:
        raise _damaged(path, f"array {name!r}, chunk {file.name} {error}") from error
    return chunk[tuple(map(slice, shape))].copy()


def _node(path: Path, name: str) -> dict[str, Any]:
    """Metadata of an array or a group; StoreError if they are missing or damaged."""
    file = path / name / _METADATA
    try:
        node = json.loads(content(file, LARGEST))
    except FileNotFoundError:
        raise _damaged(path, f"{file} is missing") from None
    except Unread as error:
        raise _damaged(path, f"{file} {error}") from None
    except ValueError as error:
        raise _damaged(path, f"{file} cannot be read ({error})") from error
    except RecursionError:
        raise _damaged(path, f"{file} is nested too deeply") from None
    if not isinstance(node, dict) or not isinstance(node.get("attributes", {}), dict):
        raise _damaged(path, f"{file} is not Zarr metadata")
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
            raise _damaged(path, f"array {name!r} is not laid out one chunk a block")


def _damaged(path: Path, what: str) -> StoreError:
    """Error of a store that is damaged, with what to do about it."""
    return StoreError(
        f"{path}: damaged results store: {what}; repeat the run, which mends all but the store's "
        f"own {_METADATA}, or name another folder"
    )
