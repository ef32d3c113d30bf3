# The image of train, evaluate and query on NVIDIA GPUs: the runtime image and the CUDA libraries that
# TensorFlow asks for. It has been built nowhere yet (the libraries are some 3 GB and this project's
# own tests have no GPU): treat the first build as a test. From the repository's root:
#
#   docker build -f containers/trainer.Dockerfile -t streetloop-python-gpu:latest .
#
# The node brings the driver (the NVIDIA container toolkit or device plugin); the image brings CUDA.
ARG RUNTIME=streetloop-python:latest
FROM ${RUNTIME}
USER 0
# What the runtime image holds may not change: same TensorFlow, same everything, plus nvidia-*. Those
# packages are not in the hash lock; their versions are the ones that this TensorFlow names.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip freeze --exclude streetloop > /tmp/runtime.txt && \
    version=$(python3 -c "from importlib.metadata import version; print(version('tensorflow'))") && \
    pip install --no-compile --constraint /tmp/runtime.txt "tensorflow[and-cuda]==${version}" && \
    rm /tmp/runtime.txt
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:0
