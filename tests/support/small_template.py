"""The template of local steps, without the modules that take seconds to import."""

from __future__ import annotations

from pipelines.local import template

if __name__ == "__main__":
    template._FIRST = ("kfp.dsl.executor_main",)
    template._REST = ("wave", "no_such_module")
    template.main()
