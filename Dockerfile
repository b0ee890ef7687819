# The image of the server, the workers and the flow runs; one for the CPU, one for NVIDIA GPUs:
#
#     docker build --build-arg DEVICE=cpu --tag sightline:cpu .
#     docker build --build-arg DEVICE=gpu --tag sightline:gpu .
#
# A package index of your own comes from a pip configuration, which stays out of the image:
# `--secret id=pip.conf,src=pip.conf`.
#
# A tag can be moved to other bytes, a digest cannot. `docker buildx imagetools inspect TAG` shows
# the digest; pin it with `--build-arg PYTHON_IMAGE=python:3.11.15-slim-bookworm@sha256:...`.
ARG PYTHON_IMAGE=python:3.11.15-slim-bookworm
ARG DEVICE=cpu

# The libraries, apart from our own code: they change seldom and are most of the image.
FROM ${PYTHON_IMAGE} AS libraries
ARG DEVICE
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY deploy/locks /tmp/locks
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    /opt/venv/bin/python -m pip install --no-cache-dir --compile --no-deps --require-hashes \
        --requirement /tmp/locks/base.lock --requirement /tmp/locks/image.lock \
        $(test ${DEVICE} = cpu || echo --requirement /tmp/locks/${DEVICE}.lock)

FROM ${PYTHON_IMAGE} AS base
# tini reaps the Keras processes of runs that were killed and passes signals on.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 sightline \
    && useradd --uid 10001 --gid sightline --create-home --shell /usr/sbin/nologin sightline \
    && install --directory --owner sightline --group sightline /artifacts /data
COPY --from=libraries /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /opt/sightline
COPY pyproject.toml README.md LICENSE prefect.yaml ./
COPY flows flows
COPY tasks tasks
COPY src src
COPY deploy deploy
# Editable, so that the code is there once, beside prefect.yaml and the lock file.
RUN python -m pip install --disable-pip-version-check --no-cache-dir --compile --no-deps \
        --no-build-isolation --editable . \
    && python -m compileall -q flows tasks src
# The code belongs to root, so that a run cannot change it; the server needs a place of its own for
# its pages.
ENV DO_NOT_TRACK=1 \
    PREFECT_HOME=/home/sightline/.prefect \
    PREFECT_LOGGING_EXTRA_LOGGERS=sightline \
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE=false \
    PREFECT_CLIENT_RETRY_EXTRA_CODES=500 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    PREFECT_SERVER_UI_STATIC_DIRECTORY=/home/sightline/.prefect/ui \
    PREFECT_WORKER_WEBSERVER_HOST=127.0.0.1 \
    PREFECT_WORKER_WEBSERVER_PORT=8080 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SIGHTLINE_ARTIFACTS=/artifacts \
    SIGHTLINE_DATA_DIR=/data
ENTRYPOINT ["tini", "--"]

FROM base AS device-cpu
CMD ["sightline", "ops", "worker", "--pool", "cpu", "--limit", "2", "--", "--type", "process", \
     "--base-job-template", "deploy/pools/process-cpu.json", "--with-healthcheck"]

FROM base AS device-gpu
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_VISIBLE_DEVICES=all
CMD ["sightline", "ops", "worker", "--pool", "gpu", "--limit", "1", "--", "--type", "process", \
     "--base-job-template", "deploy/pools/process-gpu.json", "--with-healthcheck"]

FROM device-${DEVICE}
LABEL org.opencontainers.image.title="Sightline" \
      org.opencontainers.image.licenses="Apache-2.0"
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m --retries=3 \
    CMD ["python", "/opt/sightline/deploy/health.py"]
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
