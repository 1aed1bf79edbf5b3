# The service in a container, on CPU, for amd64 and arm64 (the latter has not been built yet):
#
#   docker build -t faceage .
#   docker run --rm -p 8000:8000 --read-only --tmpfs /tmp faceage
#
# It runs in one process, without Ray. On Ray Serve, which adds batches across requests and scales
# each stage:
#
#   docker run --rm -p 8000:8000 --read-only --tmpfs /tmp --shm-size 1g faceage serve --host 0.0.0.0
#
# The image was built and run as its ordinary user; --read-only and HEALTHCHECK have not been tried.
#
# For CUDA, `--target cuda` adds PyTorch; that image has not been built yet. Ray clusters have
# an image of their own: deployments/kuberay/Dockerfile.
#
# A tag can move to another image; to pin the base image, add its digest (@sha256:...).
ARG BASE=docker.io/library/debian:trixie-slim

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
# Installs exactly what the lock pins and checks the hash of each file.
COPY requirements-serve.lock /src/
RUN python3 -m venv /opt/faceage \
    && /opt/faceage/bin/pip install --no-cache-dir --disable-pip-version-check \
    --no-deps --require-hashes -r /src/requirements-serve.lock
COPY pyproject.toml README.md LICENSE /src/
COPY faceage_core /src/faceage_core
COPY deployments /src/deployments
COPY trainers /src/trainers
COPY tune /src/tune
COPY samples /src/samples
RUN /opt/faceage/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /src

FROM build AS build-cuda
RUN /opt/faceage/bin/pip install --no-cache-dir --disable-pip-version-check "/src[torch]"

FROM ${BASE} AS runtime
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home faceage
# Nothing is written but in /tmp; bytecode was written when the packages were installed.
ENV PATH=/opt/faceage/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["faceage"]
CMD ["serve", "--in-process", "--host", "0.0.0.0"]

FROM runtime AS cuda
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-cuda /opt/faceage /opt/faceage
CMD ["serve", "--in-process", "--host", "0.0.0.0", "--device", "cuda"]

FROM runtime AS cpu
COPY --from=build /opt/faceage /opt/faceage
