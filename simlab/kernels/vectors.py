# mypy: disable-error-code="no-untyped-call, untyped-decorator, override"
"""Machine code of `lanes`: a vector of the processor, and arrays of them, as types of numba."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typeconv.castgraph import Conversion
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import (
    lower_builtin,
    lower_cast,
    lower_getattr,
    models,
    register_model,
)

from simlab.kernels import lanes
from simlab.kernels.lanes import LANES

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_I32 = ir.IntType(32)


class Lanes(types.Type):
    """A number in each lane."""

    def __init__(self) -> None:
        super().__init__(f"Lanes({LANES})")

    def unify(self, _: Any, other: Any) -> Any:
        """A number that is the same in all lanes may stand in its place."""
        return self if isinstance(other, types.Number) else None

    def can_convert_from(self, _: Any, other: Any) -> Any:
        """So it may for a function."""
        return Conversion.safe if isinstance(other, types.Number) else None


class LaneArray(types.Type):
    """An array of `Lanes` of so many dimensions, which owns nothing."""

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim
        super().__init__(f"LaneArray({LANES}, {ndim})")


LANE = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _VECTOR)


@register_model(LaneArray)
class _LaneArrayModel(models.StructModel):
    def __init__(self, manager: Any, of: Any) -> None:
        members: list[Any] = [("data", types.CPointer(types.float64))]
        members += [(f"d{i}", types.intp) for i in range(of.ndim)]
        super().__init__(manager, of, members)


@lower_cast(types.Number, Lanes)
def _spread(context: Any, builder: Any, given: Any, _: Any, value: Any) -> Any:
    """A number in all lanes."""
    value = context.cast(builder, value, given, types.float64)
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_I32, 0))
    zeros = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
    return builder.shuffle_vector(first, nothing, zeros)


def _all_numbers(args: Any) -> bool:
    return all(isinstance(arg, (Lanes, types.Number)) for arg in args)


def _has_lanes(args: Any) -> bool:
    return _all_numbers(args) and any(isinstance(arg, Lanes) for arg in args)


def _typed(function: Any, result: Any) -> None:
    """Say that a function has the type `result` where an argument has lanes."""

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            """The signature, if an argument has lanes."""
            if kws or not _has_lanes(args):
                return None
            return signature(result, *[LANE] * len(args))

    infer_global(function, types.Function(Template))


def _operator(symbols: Any, instruction: str) -> None:
    for symbol in symbols:
        _typed(symbol, LANE)

        @lower_builtin(symbol, Lanes, Lanes)
        def _lower(_: Any, builder: Any, __: Any, args: Any) -> Any:
            return getattr(builder, instruction)(*args)


_operator((operator.add, operator.iadd), "fadd")
_operator((operator.sub, operator.isub), "fsub")
_operator((operator.mul, operator.imul), "fmul")
_operator((operator.truediv, operator.itruediv), "fdiv")

_typed(operator.neg, LANE)
_typed(np.sqrt, LANE)
_typed(np.log, LANE)


@lower_builtin(operator.neg, Lanes)
def _neg(_: Any, builder: Any, __: Any, args: Any) -> Any:
    return builder.fneg(args[0])


@lower_builtin(np.sqrt, Lanes)
def _sqrt(_: Any, builder: Any, __: Any, args: Any) -> Any:
    of_vector = ir.FunctionType(_VECTOR, [_VECTOR])
    name = f"llvm.sqrt.v{LANES}f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, of_vector, name), args)


@lower_builtin(np.log, Lanes)
def _log(context: Any, builder: Any, __: Any, args: Any) -> Any:
    """The C library's logarithm, lane by lane."""
    of_one = context.get_function(math.log, signature(types.float64, types.float64))
    out = ir.Constant(_VECTOR, ir.Undefined)
    for lane in range(LANES):
        at = ir.Constant(_I32, lane)
        out = builder.insert_element(
            out, of_one(builder, [builder.extract_element(args[0], at)]), at
        )
    return out


def _choice(function: Any, result: Any, scalar_result: Any) -> None:
    """Say what type a function of `lanes` has, of lanes and of floats."""

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            """The signature, if all arguments are numbers and one has lanes."""
            if kws or not _all_numbers(args):
                return None
            if _has_lanes(args):
                return signature(result, *[LANE] * len(args))
            return signature(scalar_result, *[types.float64] * len(args))

    infer_global(function, types.Function(Template))


_choice(lanes.above, LANE, types.float64)
_choice(lanes.any_above, types.boolean, types.boolean)
_choice(lanes.all_zero, types.boolean, types.boolean)


@lower_builtin(lanes.above, Lanes, Lanes, Lanes, Lanes)
@lower_builtin(lanes.above, types.Float, types.Float, types.Float, types.Float)
def _above(_: Any, builder: Any, __: Any, args: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[3])


@lower_builtin(lanes.any_above, types.Float, types.Float)
def _above_one(_: Any, builder: Any, __: Any, args: Any) -> Any:
    return builder.fcmp_ordered(">", *args)


@lower_builtin(lanes.any_above, Lanes, Lanes)
def _any_above(_: Any, builder: Any, __: Any, args: Any) -> Any:
    bits = builder.bitcast(builder.fcmp_ordered(">", *args), ir.IntType(LANES))
    return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))


@lower_builtin(lanes.all_zero, types.Float)
def _is_zero(_: Any, builder: Any, __: Any, args: Any) -> Any:
    return builder.fcmp_ordered("==", args[0], ir.Constant(args[0].type, 0.0))


@lower_builtin(lanes.all_zero, Lanes)
def _all_zero(_: Any, builder: Any, __: Any, args: Any) -> Any:
    zero = ir.Constant(_VECTOR, [0.0] * LANES)
    bits = builder.bitcast(builder.fcmp_unordered("!=", args[0], zero), ir.IntType(LANES))
    return builder.icmp_unsigned("==", bits, ir.Constant(bits.type, 0))


def _fixed(function: Any, type_of: Any) -> None:
    """Say by a function of its arguments what type a function has."""

    class Template(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            """The signature that `type_of` has for the arguments."""
            return None if kws else type_of(*args)

    infer_global(function, types.Function(Template))


_fixed(lanes.n_lanes, lambda: signature(types.intp))


@lower_builtin(lanes.n_lanes)
def _n_lanes(_: Any, __: Any, ___: Any, ____: Any) -> Any:
    return ir.Constant(ir.IntType(64), LANES)


def _type_of_take(room: Any, used: Any, shape: Any) -> Any:
    return signature(LaneArray(len(shape)), room, used, types.UniTuple(types.intp, len(shape)))


_fixed(lanes.take, _type_of_take)


@lower_builtin(lanes.take, types.Array, types.Array, types.UniTuple)
def _take(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    out = cgutils.create_struct_proxy(sig.return_type)(context, builder)
    room = context.make_array(sig.args[0])(context, builder, args[0])
    used = context.make_array(sig.args[1])(context, builder, args[1])
    first = builder.load(used.data)
    size: Any = ir.Constant(ir.IntType(64), 1)
    for i, length in enumerate(cgutils.unpack_tuple(builder, args[2])):
        setattr(out, f"d{i}", length)
        size = builder.mul(size, length)
    out.data = builder.gep(room.data, [builder.mul(first, ir.Constant(first.type, LANES))])
    builder.store(builder.add(first, size), used.data)
    return out._getvalue()


def _index_types(array: Any, index: Any) -> Any:
    """The types of an index, each an integer, or None where it is none of this array."""
    each: Any = getattr(index, "types", (index,))
    fits = isinstance(array, LaneArray) and len(each) == array.ndim
    return each if fits and all(isinstance(i, types.Integer) for i in each) else None


def _address(
    context: Any, builder: Any, array_type: Any, array: Any, given: Any, index: Any
) -> Any:
    """Where an entry begins, C order."""
    struct = cgutils.create_struct_proxy(array_type)(context, builder, value=array)
    offset: Any = None
    for i, (value, type_) in enumerate(zip(index, given, strict=True)):
        along = context.cast(builder, value, type_, types.intp)
        if offset is None:
            offset = along
        else:
            offset = builder.add(builder.mul(offset, getattr(struct, f"d{i}")), along)
    return builder.gep(struct.data, [builder.mul(offset, ir.Constant(offset.type, LANES))])


def _entry(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    index = args[1]
    each = (
        cgutils.unpack_tuple(builder, index)
        if isinstance(sig.args[1], types.BaseTuple)
        else [index]
    )
    given = _index_types(sig.args[0], sig.args[1])
    place = _address(context, builder, sig.args[0], args[0], given, each)
    return builder.bitcast(place, _VECTOR.as_pointer())


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, _: Any) -> Any:
        """An entry's type."""
        return signature(LANE, *args) if _index_types(*args) else None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, _: Any) -> Any:
        """Nothing; a number is put into all lanes."""
        array, index, value = args
        if not (_index_types(array, index) and _all_numbers((value,))):
            return None
        return signature(types.none, array, index, LANE)


@lower_builtin(operator.getitem, LaneArray, types.BaseTuple)
@lower_builtin(operator.getitem, LaneArray, types.Integer)
def _getitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    loaded = builder.load(_entry(context, builder, sig, args))
    loaded.align = 8
    return loaded


@lower_builtin(operator.setitem, LaneArray, types.BaseTuple, Lanes)
@lower_builtin(operator.setitem, LaneArray, types.Integer, Lanes)
def _setitem(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    stored = builder.store(args[2], _entry(context, builder, sig, args))
    stored.align = 8
    return context.get_dummy_value()


def _type_of_read(array: Any, _: Any, *index: Any) -> Any:
    integers = [types.intp] * (1 + len(index))
    return signature(types.float64, array, *integers)


def _type_of_write(array: Any, _: Any, __: Any, *index: Any) -> Any:
    integers = [types.intp] * len(index)
    return signature(types.none, array, types.intp, types.float64, *integers)


_fixed(lanes.read, _type_of_read)
_fixed(lanes.write, _type_of_write)


@lower_builtin(lanes.read, LaneArray, types.Integer, types.VarArg(types.Integer))
def _read(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = _address(context, builder, sig.args[0], args[0], sig.args[2:], args[2:])
    return builder.load(builder.gep(place, [args[1]]))


@lower_builtin(lanes.write, LaneArray, types.Integer, types.Float, types.VarArg(types.Integer))
def _write(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    place = _address(context, builder, sig.args[0], args[0], sig.args[3:], args[3:])
    builder.store(args[2], builder.gep(place, [args[1]]))
    return context.get_dummy_value()


@infer_getattr
class _Attributes(AttributeTemplate):
    key = LaneArray

    def resolve_shape(self, of: Any) -> Any:
        """The type of a shape: a whole number for each dimension."""
        return types.UniTuple(types.intp, of.ndim)


@lower_getattr(LaneArray, "shape")
def _shape(context: Any, builder: Any, of: Any, value: Any) -> Any:
    struct = cgutils.create_struct_proxy(of)(context, builder, value=value)
    lengths = [getattr(struct, f"d{i}") for i in range(of.ndim)]
    return context.make_tuple(builder, types.UniTuple(types.intp, of.ndim), lengths)
