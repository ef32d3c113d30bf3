# The image of every step. `make images` builds it for CPUs and `make image-gpu` for NVIDIA GPUs, named by
# version and commit; both pass on more options of docker with BUILD="…":
#
#   --build-arg BASE=IMAGE               any Debian-like image with Python 3.11, python3-venv and CA
#                                        certificates, for networks without a public image registry
#   --secret id=pip,src=pip.conf         a package mirror or proxy, which stays out of the layers
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS packages
# cpu or gpu: the lock lists every package with its hashes, so nothing else is installed, whatever the
# index offers. setuptools and wheel come first: they build what has no wheel, without a download.
ARG LOCK=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/streetloop
COPY requirements/${LOCK}.txt /src/lock.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    awk '/^[^ #]/ {kept = /^(setuptools|wheel)==/} kept' /src/lock.txt > /src/tools.txt && \
    /opt/streetloop/bin/pip install --require-hashes --no-deps -r /src/tools.txt && \
    /opt/streetloop/bin/pip install --require-hashes --no-deps --no-build-isolation -r /src/lock.txt
COPY containers/trim.sh /src/
RUN sh /src/trim.sh /opt/streetloop/lib/python3*/site-packages

FROM packages AS project
COPY pyproject.toml README.md LICENSE /src/
COPY tfds_cityscapes /src/tfds_cityscapes
COPY components /src/components
COPY pipelines /src/pipelines
COPY streetloop /src/streetloop
RUN /opt/streetloop/bin/pip install --no-deps --no-index --no-build-isolation --root /project /src

FROM ${BASE}
# Two layers: with a new commit, nodes pull only the second, of a few megabytes.
COPY --from=packages /opt/streetloop /opt/streetloop
COPY --from=project /project/opt/streetloop /opt/streetloop
# The user is a number, so that Kubernetes can check runAsNonRoot. The group is 0, so that the home is
# writable in a cluster that chooses its own user id. Only /tmp has to be writable.
RUN mkdir -p /home/streetloop && chown 10001:0 /home/streetloop && chmod 0770 /home/streetloop
ARG STREETLOOP_GIT_SHA=unknown
# `make images` adds the version, the commit, its date, the source and the base.
LABEL org.opencontainers.image.title="Streetloop" \
    org.opencontainers.image.description="Every step of Streetloop's pipeline" \
    org.opencontainers.image.licenses="Apache-2.0"
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
