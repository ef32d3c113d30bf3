"""The container image that every component's task runs in, unless the recipe names another."""

IMAGE = "streetloop-python:latest"  # `python` in the name keeps kfp.local from warning
