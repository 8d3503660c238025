# Two images from one file: `platform` runs the gateway, the services and their workers, `sandbox`
# also the fake bank and the seeding. docker-compose.yml says which process runs in which.
#
# Packages of others come as wheels and are checked by hash; ours are installed in place, because
# migrations and deploy/services.toml are found beside them.
FROM python:3.11-slim AS platform

ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
# /sandbox is where a sandbox keeps its files; a new volume there takes its owner from here.
RUN groupadd --gid 10001 perisai \
    && useradd --uid 10001 --gid perisai --no-create-home --home-dir /app perisai \
    && install --directory --owner=perisai --group=perisai --mode=0700 /sandbox
WORKDIR /app
COPY deploy/requirements.lock deploy/
RUN python -m venv .venv
RUN python -m pip install --require-hashes --only-binary=:all: -r deploy/requirements.lock
COPY libs libs
COPY gateway gateway
COPY services services
RUN python -m pip install --no-index --no-deps --no-build-isolation \
    -e libs/perisai-kit -e libs/snap-bi -e gateway \
    -e services/agent-service -e services/member-service -e services/payment-service \
    && python -m compileall -q libs gateway services
USER perisai

FROM platform AS sandbox

USER root
COPY deploy/requirements-sandbox.lock deploy/services.toml deploy/
RUN python -m pip install --require-hashes --only-binary=:all: -r deploy/requirements-sandbox.lock
COPY sandbox sandbox
RUN python -m pip install --no-index --no-deps --no-build-isolation -e sandbox \
    && python -m compileall -q sandbox
USER perisai
