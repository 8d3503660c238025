"""Lazy imports, so that `perisai --help` is fast."""

import importlib.util
import sys
from types import ModuleType


def import_later(name: str) -> ModuleType:
    """Return a module that is executed at the first access to an attribute."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module
