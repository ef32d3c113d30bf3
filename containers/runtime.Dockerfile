# The image of every step, on CPUs. Build from the repository's root:
#
#   docker build -f containers/runtime.Dockerfile -t streetloop-python:latest \
#     --build-arg STREETLOOP_GIT_SHA=$(git rev-parse HEAD) .
#
# `make images REGISTRY=…` also gives it a name that never changes: its version and commit.
#
# BASE can be any Debian-like image with Python 3.11, python3-venv and CA certificates, so that a network
# without a public registry can provide its own. A package mirror or proxy is a build secret, which
# stays out of the layers: --secret id=pip,src=pip.conf
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/streetloop
COPY requirements/runtime.txt /src/requirements/runtime.txt
# The lock lists every package with its hashes, so nothing else is installed, whatever the index offers.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/streetloop/bin/pip install --require-hashes --no-deps -r /src/requirements/runtime.txt
COPY pyproject.toml README.md LICENSE /src/
COPY tfds_cityscapes /src/tfds_cityscapes
COPY components /src/components
COPY pipelines /src/pipelines
COPY streetloop /src/streetloop
# setuptools and wheel come from the lock, so nothing is downloaded for the build.
RUN /opt/streetloop/bin/pip install --no-deps --no-index --no-build-isolation /src
COPY containers/trim.sh /src/
RUN sh /src/trim.sh /opt/streetloop/lib/python3*/site-packages

FROM ${BASE}
COPY --from=build /opt/streetloop /opt/streetloop
# The user is a number, so that Kubernetes can check runAsNonRoot. The group is 0, so that the home is
# writable in a cluster that chooses its own user id.
RUN mkdir -p /home/streetloop && chown 10001:0 /home/streetloop && chmod 0770 /home/streetloop
ARG STREETLOOP_GIT_SHA=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Streetloop" \
    org.opencontainers.image.description="Every step of Streetloop's pipeline, on CPUs" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version=${VERSION} \
    org.opencontainers.image.revision=${STREETLOOP_GIT_SHA}
ENV PATH=/opt/streetloop/bin:$PATH \
    HOME=/home/streetloop \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=2 \
    STREETLOOP_GIT_SHA=${STREETLOOP_GIT_SHA}
WORKDIR /home/streetloop
USER 10001:0
CMD ["streetloop", "--help"]
