# mypy: disable-error-code="no-untyped-call, untyped-decorator, override"
"""Machine code of `records`: the address of a record, as a type of numba."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import lower_builtin, models, register_model

from simlab.kernels import records

_I32 = ir.IntType(32)


class Reference(types.Type):
    """A record that is passed on by its address."""

    def __init__(self, record: Any) -> None:
        self.record = record
        super().__init__(f"Reference({record})")


@register_model(Reference)
class _ReferenceModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        pointer = manager.lookup(of.record).get_value_type().as_pointer()
        super().__init__(manager, of, pointer)


@infer_global(records.reference)
class _Refer(AbstractTemplate):
    def generic(self, args: Any, _: Any) -> Any:
        """The type of the address of a record."""
        return signature(Reference(args[0]), *args)


@lower_builtin(records.reference, types.BaseNamedTuple)
def _reference(_: Any, builder: Any, __: Any, args: Any) -> Any:
    return cgutils.alloca_once_value(builder, args[0])


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, of: Any, name: str) -> Any:
        """The type of a field; a record in a record is passed on by its address too."""
        fields = of.record.fields
        if name not in fields:
            return None
        type_ = of.record.types[fields.index(name)]
        return Reference(type_) if isinstance(type_, types.BaseNamedTuple) else type_


@lower_getattr_generic(Reference)
def _field(_: Any, builder: Any, of: Any, value: Any, name: str) -> Any:
    """A field; who uses an array is not counted, the caller of the kernel holds all."""
    i = of.record.fields.index(name)
    address = builder.gep(value, [ir.Constant(_I32, 0), ir.Constant(_I32, i)], inbounds=True)
    if isinstance(of.record.types[i], types.BaseNamedTuple):
        return address
    loaded = builder.load(address)
    if isinstance(of.record.types[i], types.Array):
        for owner in (0, 1):
            null = ir.Constant(loaded.type.elements[owner], None)
            loaded = builder.insert_value(loaded, null, owner)
    return loaded
