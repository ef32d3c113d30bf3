# The image of train, evaluate and query on NVIDIA GPUs: the runtime image and the CUDA libraries that
# TensorFlow requires. It has not been built anywhere yet (the libraries take about 3 GB, and this
# project's tests have no GPU), so treat the first build as a test. From the repository's root:
#
#   docker build -f containers/trainer.Dockerfile -t streetloop-python-gpu:latest .
#
# The node provides the driver (the NVIDIA container toolkit or device plugin), and the image CUDA.
ARG RUNTIME=streetloop-python:latest
FROM ${RUNTIME}
USER 0
# Nothing in the runtime image may change: this only adds the nvidia-* packages. They are not in the
# hash lock; their versions are the ones that this TensorFlow requires.
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip freeze --exclude streetloop > /tmp/runtime.txt && \
    version=$(python3 -c "from importlib.metadata import version; print(version('tensorflow'))") && \
    pip install --no-compile --constraint /tmp/runtime.txt "tensorflow[and-cuda]==${version}" && \
    rm /tmp/runtime.txt
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001:0
