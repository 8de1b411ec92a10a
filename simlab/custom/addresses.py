"""Addresses of the user's objects: import paths, and hashes of the files that they are in.

``module:name`` is looked up in the folder of the study first, then where Python looks. A file of
the study's folder is run as it is on the disk now, once for each content, so that the hash is that
of the code which runs, also in a session that outlives several versions of it.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial, reduce
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from simlab.custom.isolation import Failure, attempt
from simlab.custom.syntax import fingerprint_of
from simlab.custom.warned import attend, contained
from simlab.errors import CustomError, did_you_mean


class Address(NamedTuple):
    """Address of a user's object, which is sent to workers in place of the object."""

    path: str  # ``module:name``
    folder: str  # the study's, absolute
    digest: str  # SHA-256 of the module's file; empty where it has none

    @property
    def file(self) -> str:
        """The module's file, as tracebacks name it; empty where it has none."""
        return _file(_module(self)) or ""

    @property
    def fingerprint(self) -> str:
        """12 digits of what the object does, by `syntax.fingerprint_of`; empty without a file."""
        if not self.file:
            return ""
        return fingerprint_of(_read(Path(self.file)), self.path.partition(":")[2])

    def load(self) -> Any:
        """Return the object; import its module where this process has not done so."""
        module = _module(self)
        name = self.path.partition(":")[2]
        try:
            return reduce(getattr, name.split("."), module)
        except AttributeError:
            start = name[0].casefold()  # of all that a module has, something is always alike
            near = [n for n in vars(module) if n[0] != "_" and n[0].casefold() == start]
            hint = did_you_mean(name, near)
            raise CustomError(f"{_name(self)} has no {name!r}{hint}") from None


def locate_object(path: str, folder: Path | None) -> Address:
    """Find the file of an import path and hash it."""
    here = (folder or Path()).absolute()
    attend()
    own = _own_file(path, str(here))
    if own is not None:
        return Address(path, str(here), _digest(_read(own)))
    file = _file(_imported(path.partition(":")[0], str(here)))
    return Address(path, str(here), _digest(_read(Path(file))) if file else "")


@cache
def _module(address: Address) -> ModuleType:
    """Module of an address, imported once for each content of its file."""
    own = _own_file(address.path, address.folder)
    if own is not None:
        return _executed(own, address.digest)
    return _imported(_name(address), address.folder)


def _name(address: Address) -> str:
    return address.path.partition(":")[0]


def _own_file(path: str, folder: str) -> Path | None:
    """File of the study's folder that an import path names; None if there is none."""
    file = Path(folder, f"{path.partition(':')[0]}.py")
    return file if file.is_file() else None


def _file(module: ModuleType) -> str | None:
    """Source file of a module; None if it has none."""
    file = getattr(module, "__file__", None)
    return file if file and file.endswith(".py") else None


def _read(file: Path) -> bytes:
    """Content of a file; CustomError if it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise CustomError(f"{file.name} cannot be read: {error.strerror}") from None


def _digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()


@cache
def _executed(file: Path, digest: str) -> ModuleType:
    """Run a file of the study's folder, under a name of its own for each content."""
    source = _read(file)
    if _digest(source) != digest:
        raise CustomError(f"{file.name} has changed since the study was started; start it again")
    name = f"_{file.stem}_{_digest(bytes(file))[:8]}_{digest[:8]}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    with _first(str(file.parent)), contained() as files:
        files.append(str(file))
        code = partial(compile, source, str(file), "exec")
        result = attempt(lambda: exec(code(), vars(module)), str(file))
    if isinstance(result, Failure):
        del sys.modules[name]
        raise CustomError(f"{file.name} cannot be imported: {result.text}")
    return module


def _imported(name: str, folder: str) -> ModuleType:
    """Import a package of the folder, or what is installed."""

    def load() -> ModuleType | None:
        """Module of the name; None if there is none. Errors of what it imports itself pass."""
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:  # what it imports is not there
                raise
            return None

    importlib.invalidate_caches()
    with _first(folder), contained() as files:
        result = attempt(load, "")
        files.append(getattr(result, "__file__", None) or "")
    if result is None:
        raise CustomError(f"there is no {name}.py beside the study, nor such a module")
    if isinstance(result, Failure):
        raise CustomError(f"{name} cannot be imported: {result.text}")
    return result


@contextmanager
def _first(folder: str) -> Iterator[None]:
    """Put a folder before all others while something of it is imported."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
