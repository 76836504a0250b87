"""Searching neighbour lists many places at a time.

Most of what learning takes is finding the neighbour in its list. LLVM goes through a loop that may end early one place
after the other; so what is asked of a block of places is spelled out here as one operation on vectors, of which it
makes what the processor at hand has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from online_models.compiled import Float32s, Int32s, compiled
from online_models.slabs import SIZES, slab_length

#: Places looked at together. A list may end within a block: what lies behind it is read, and left out of account.
_BLOCK: Final = 32
_INT32: Final = ir.IntType(32)
#: Places in a slab of the largest size.
_LARGEST: Final = slab_length(SIZES - 1)


def _block_mask(compare: Callable[..., Any]) -> Callable[..., int]:
    """For kernels, f(array, place, value): bit k tells how the element at `place` + k compares to `value`.

    Nothing checks that the array has `_BLOCK` elements from `place` on. `compare(builder, block, value)` makes the
    instruction that compares all of them.
    """

    def typed(_: Any, array: Any, place: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            vector = ir.VectorType(arguments[2].type, _BLOCK)
            pointer = builder.bitcast(builder.gep(data, [arguments[1]]), vector.as_pointer())
            block = builder.load(pointer, align=context.get_abi_sizeof(arguments[2].type))
            first = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], _INT32(0))
            repeated = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(_INT32, _BLOCK), [0] * _BLOCK))
            bits = builder.bitcast(compare(builder, block, repeated), ir.IntType(_BLOCK))
            return builder.zext(bits, ir.IntType(64))

        return types.uint64(array, types.int64, array.dtype), generate

    return cast(Callable[..., int], intrinsic(typed))


_equal = _block_mask(lambda builder, block, value: builder.icmp_signed("==", block, value))
_same = _block_mask(lambda builder, block, value: builder.fcmp_ordered("==", block, value))


def _lowest_typed(_: Any, array: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        vector = ir.VectorType(ir.FloatType(), _LARGEST)
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), vector.as_pointer())
        reduced = ir.FunctionType(ir.FloatType(), [vector])
        name = f"llvm.vector.reduce.fmin.v{_LARGEST}f32"
        lowest: Any = cgutils.get_or_insert_function(builder.module, reduced, name)  # type: ignore[no-untyped-call]
        return builder.call(lowest, [builder.load(pointer, align=4)], fastmath=("nnan",))

    return types.float32(array, types.int64), generate


#: For kernels, f(weights, start): the lowest weight of a slab of the largest size. A loop would end up as a comparison
#: and a jump per place, half of which no processor foresees.
_lowest = cast(Callable[[Float32s, int], float], intrinsic(_lowest_typed))


def _lowest_bit_typed(_: Any, mask: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), generate


#: For kernels: the number of the lowest bit that is set in a mask, which must not be 0.
_lowest_bit = cast(Callable[[int], int], intrinsic(_lowest_bit_typed))


@compiled
def found(item: int, neighbours: Int32s, start: int, end: int) -> int:
    """Where in a part of the pool an item is first, -1 if nowhere."""
    place = start
    while place < end and place + _BLOCK <= len(neighbours):
        hits = _equal(neighbours, place, item)
        if hits:
            place += _lowest_bit(hits)
            return place if place < end else -1
        place += _BLOCK
    for last in range(place, end):  # of the pool itself
        if neighbours[last] == item:
            return last
    return -1


@compiled
def weakest(weights: Float32s, start: int) -> int:
    """Where in a slab of the largest size, none of whose weights is nan, the lowest is first."""
    lowest = _lowest(weights, start)
    for block in range(start, start + _LARGEST, _BLOCK):
        hits = _same(weights, block, lowest)
        if hits:
            return block + _lowest_bit(hits)
    return start
