"""The container image that a component names where nobody names one.

Steps of a run on this machine need no image. A pipeline that is compiled without `cluster.image` gets this
one, which does not exist, so that its pods say what is missing in place of running something else.
"""

IMAGE = "streetloop-python:unset"  # kfp.local warns about names without `python`
