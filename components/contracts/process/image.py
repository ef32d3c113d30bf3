"""The container image that every component runs in, unless the recipe names another."""

IMAGE = "streetloop-python:latest"  # kfp.local warns about names without `python`
