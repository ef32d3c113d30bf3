# The image of every step, on CPUs. Build from the repository's root:
#
#   docker build -f containers/runtime.Dockerfile -t streetloop-python:latest \
#     --build-arg STREETLOOP_GIT_SHA=$(git rev-parse HEAD) .
#
# BASE is any Debian-like image with Python 3.11, python3-venv and CA certificates, so that a network
# without a public registry can bring its own. A package mirror or proxy is a build secret, which
# stays out of the layers: --secret id=pip,src=pip.conf
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/streetloop
COPY requirements/runtime.txt /src/requirements/runtime.txt
# The lock names every package with its hashes: nothing else may come in, whatever the index says.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/streetloop/bin/pip install --require-hashes --no-deps -r /src/requirements/runtime.txt
COPY pyproject.toml README.md LICENSE /src/
COPY tfds_cityscapes /src/tfds_cityscapes
COPY components /src/components
COPY pipelines /src/pipelines
# setuptools and wheel come from the lock: no isolated download.
RUN /opt/streetloop/bin/pip install --no-deps --no-index --no-build-isolation /src

FROM ${BASE}
COPY --from=build /opt/streetloop /opt/streetloop
# A number, so that Kubernetes can check runAsNonRoot. Group 0, so that a cluster which picks its own
# user id still finds a home it can write to.
RUN mkdir -p /home/streetloop && chown 10001:0 /home/streetloop && chmod 0770 /home/streetloop
ARG STREETLOOP_GIT_SHA=unknown
ENV PATH=/opt/streetloop/bin:$PATH \
    HOME=/home/streetloop \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    STREETLOOP_GIT_SHA=${STREETLOOP_GIT_SHA}
WORKDIR /home/streetloop
USER 10001:0
CMD ["streetloop", "--help"]
