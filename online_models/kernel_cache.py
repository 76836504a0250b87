"""Kernels that are kept on disk, for as long as nothing changes of all that went into them.

By itself numba keeps a kernel for as long as the file that it is written in does not change. But it has also compiled
into it the functions and constants of other files, as they were ("Caching Limitations" in
https://numba.readthedocs.io/en/stable/developer/caching.html): after an update of one of those only, a machine with
old kernels would compute something else than one without.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar, cast

from numba import njit
from xxhash import xxh128_hexdigest

from online_models.kernel_file import KernelFile

Function = TypeVar("Function", bound=Callable[..., Any])

#: Functions that every process compiles anew, as there is no folder for what is compiled.
not_kept: Final = list[str]()


def kept(function: Function, **options: bool) -> Function:
    """A function that numba compiles when it is called first, unless it is on disk, compiled from the same sources."""
    try:
        kernel: Any = njit(cache=True, **options)(function)  # type: ignore[call-overload]
    except RuntimeError:  # numba found no folder that it may write to
        not_kept.append(function.__qualname__)
        return cast(Function, njit(**options)(function))  # type: ignore[call-overload]
    if function.__module__ in _with_sources({function.__module__}):
        disk = kernel._cache
        disk._cache_file = KernelFile(disk.cache_path, disk._impl.filename_base, digest(function.__module__))
    return cast(Function, kernel)


def digest(module: str) -> str:
    """A hash of the sources of a module and of all that it imports from its own package and from this one.

    >>> from online_models import slabs, shopper_kernel
    >>> digest("online_models.slabs") == digest("online_models.slabs") != digest("online_models.shopper_kernel")
    True
    """
    found, new = set[str](), {module}
    while new:
        found |= new
        new = {name for parent in new for name in _imported(parent)} - found
    return xxh128_hexdigest("".join(map(_source, sorted(found))).encode())


@cache
def _source(module: str) -> str:
    return str(_loader(module).get_source(module))


@cache
def _imported(module: str) -> frozenset[str]:
    """The modules that a module imports: names in its code, of which a few may mean something else there.

    `from a import b` may mean a module `a.b`.
    """
    ours, names = {__name__.split(".")[0], module.split(".")[0]}, _loader(module).get_code(module).co_names
    parents = {name for name in names if name.split(".")[0] in ours}
    return _with_sources(parents | {f"{parent}.{name}" for parent in parents for name in names})


def _with_sources(names: set[str]) -> frozenset[str]:
    """Those of some names that are of modules whose sources can be had: scripts and tests, for one, are none."""
    return frozenset(name for name in names & sys.modules.keys() if hasattr(_loader(name), "get_source"))


def _loader(module: str) -> Any:
    return getattr(sys.modules[module].__spec__, "loader", None)
