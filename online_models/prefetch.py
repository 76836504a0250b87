"""Memory that will be needed soon: told ahead, the processor fetches it while it does something else.

Where a kernel goes from one place of a large array to any other, waiting for memory is most of what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

_INT32: Final = ir.IntType(32)
#: What is fetched is to be read, not written or run, and to be kept as near as can be.
_TO_READ, _VERY_NEAR, _DATA = _INT32(0), _INT32(3), _INT32(1)


def _typed(_: Any, array: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        takes = ir.FunctionType(ir.VoidType(), [pointer.type, _INT32, _INT32, _INT32])
        instruction = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], takes)
        builder.call(instruction, [pointer, _TO_READ, _VERY_NEAR, _DATA])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


#: For kernels, f(array, place): the element at `place` will be needed in a moment. Harmless where there is none.
prefetch = cast(Callable[[Any, int], None], intrinsic(_typed))
