# Two images from one file: `platform` runs the gateway, the services and their workers, `sandbox`
# also the fake bank and the seeding. docker-compose.yml says which process runs in which.
#
# Packages of others come as wheels and are checked by hash; ours are built into wheels here, and the
# images hold nothing of the checkout.
FROM python:3.11-slim AS dependencies

ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY deploy/requirements.lock deploy/
RUN python -m venv .venv
RUN python -m pip install --require-hashes --only-binary=:all: -r deploy/requirements.lock

FROM dependencies AS wheels

COPY libs libs
COPY gateway gateway
COPY docs/front-end.md docs/
COPY services services
COPY sandbox sandbox
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels/sandbox sandbox
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels/platform \
    libs/perisai-kit libs/snap-bi gateway \
    services/agent-service services/member-service services/payment-service
# The document of the API is made from all packages and is a file of the gateway's.
RUN python -m pip install --no-index --no-deps /wheels/platform/*.whl /wheels/sandbox/*.whl
RUN python -m sandbox.openapi gateway/src/gateway/openapi/openapi.json
RUN python -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels/platform gateway

FROM dependencies AS platform

# /sandbox is where a sandbox keeps its files; a new volume there takes its owner from here.
RUN groupadd --gid 10001 perisai \
    && useradd --uid 10001 --gid perisai --no-create-home --home-dir /app perisai \
    && install --directory --owner=perisai --group=perisai --mode=0700 /sandbox
COPY --from=wheels /wheels/platform /wheels/platform
RUN python -m pip install --no-index --no-deps /wheels/platform/*.whl
USER perisai

FROM platform AS sandbox

USER root
COPY deploy/requirements-sandbox.lock deploy/
RUN python -m pip install --require-hashes --only-binary=:all: -r deploy/requirements-sandbox.lock
COPY --from=wheels /wheels/sandbox /wheels/sandbox
RUN python -m pip install --no-index --no-deps /wheels/sandbox/*.whl
USER perisai
