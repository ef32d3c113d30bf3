"""Import Keras without what it would import for uses that no step has.

Where scikit-learn and Matplotlib are installed, Keras imports them, and much of SciPy with them, for
wrappers and galleries. That is a quarter of the processor time that the import of TensorFlow takes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

# Keras takes an ImportError of these for an answer, and lacks its wrappers and galleries then.
_OPTIONAL = ("sklearn", "matplotlib")


def import_keras_lean() -> None:
    """Let the first import of Keras in this process leave its optional libraries out.

    Only for processes of this project, whose code uses nothing of Keras that needs them. The
    libraries can be imported before and after.
    """
    if "keras" not in sys.modules and not any(isinstance(f, _Finder) for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds Keras, and hides its optional libraries while it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "keras":
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_without(module: ModuleType) -> None:
            with _hidden(*_OPTIONAL):
                run(module)

        spec.loader.exec_module = run_without  # type: ignore[method-assign]
        return spec


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let imports of these modules fail, unless they are imported already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: an ImportError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
