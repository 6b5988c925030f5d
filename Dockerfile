# The bot, without tests and without the demo's model.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/moot \
 && /opt/moot/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY bot bot
COPY adapters adapters
COPY commands commands
COPY storage storage
RUN /opt/moot/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
COPY --from=build /opt/moot /opt/moot
# moot.toml is mounted here, and the database is written here
RUN useradd --create-home --uid 10001 moot && install -d -o moot -g moot /data
USER moot
WORKDIR /data
VOLUME /data
ENV PATH=/opt/moot/bin:$PATH PYTHONUNBUFFERED=1
STOPSIGNAL SIGTERM
CMD ["moot", "run"]
