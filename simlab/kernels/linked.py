"""Inner functions of kernels, compiled as parts of them: optimised once, and emitted once.

numba would optimise each function that it compiles, and turn it to machine code, with all that it
calls; then its caller, with all of that once more. What only kernels call needs neither: it is
lowered and linked, and the kernel on top is optimised as a whole. That compiles in a third of the
time, to the same arithmetic.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class Linked(Compiler):
    """The usual stages of compilation, into a `Part`."""

    def compile_extra(self, func: Any) -> Any:
        """Compile a function."""
        part: Any = Part
        self.state.library = part(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)  # type: ignore[no-untyped-call]


class Part(JITCodeLibrary):
    """Code that is linked into a kernel's, and never called from elsewhere."""

    @property
    def codegen(self) -> Any:
        """The code generator, for which there is no environment to set."""
        return _WithoutEnvironment(self._codegen)

    def get_pointer_to_function(self, _: str) -> int:
        """Nowhere; but no more can be linked."""
        self._ensure_finalized()  # type: ignore[no-untyped-call]
        return 0

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        """Nothing; the kernel is optimised."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._finalized = True


class _WithoutEnvironment:
    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def set_env(self, name: str, env: Any) -> None:
        """Nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)
