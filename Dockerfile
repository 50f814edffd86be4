# The console's image: packages built in one stage, an unprivileged user and no compiler in the
# other. The runner's image is the same file with `--target runner`; `runner-demo` is that with the
# sample guest in it, for compose.yaml.

# A tag moves with each fix in it, and no digest is written down here that nobody has looked up: CI
# sets BASE to one, and PINNED=yes, with which a build from anything else fails.
ARG BASE=python:3.11-slim-bookworm
ARG PINNED=no

FROM ${BASE} AS packages
ARG BASE
ARG PINNED
RUN case "$PINNED:$BASE" in no:* | yes:*@sha256:*) ;; *) echo "BASE has no digest" >&2; exit 1 ;; esac
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY pyproject.toml README.md ./
# Only names and versions matter here: this layer stays as long as pyproject.toml does.
# With `--build-arg EXTRAS=console,otel` it can send traces.
ARG EXTRAS=console
RUN mkdir -p audit config extdebug policies \
    && python -m venv /venv \
    && /venv/bin/pip install ".[$EXTRAS]" \
    && /venv/bin/pip uninstall --yes extension-debug-console \
    && /venv/bin/python -m compileall -q /venv/lib

FROM packages AS runner-packages
RUN rm -rf /venv \
    && python -m venv /venv \
    && /venv/bin/pip install ".[runner]" \
    && /venv/bin/pip uninstall --yes extension-debug-console \
    && /venv/bin/python -m compileall -q /venv/lib

FROM ${BASE} AS base
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONPATH=/app
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin console
WORKDIR /app

# --- the runner: no Django, no database driver, no settings of the console ----------------------
FROM base AS runner
COPY --from=runner-packages /venv /venv
COPY extdebug/__init__.py /app/extdebug/
COPY extdebug/wire /app/extdebug/wire
COPY extdebug/runner /app/extdebug/runner
COPY policies/__init__.py /app/policies/
COPY policies/redaction /app/policies/redaction
ENV RUNNER_HOST=0.0.0.0 RUNNER_CACHE_DIR=/tmp/runner
USER 10001
EXPOSE 8090
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8090/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "extdebug.runner"]
CMD ["serve"]

# --- the sample guest, built by the compiler that no other image has ------------------------------
FROM runner-packages AS guest
RUN /venv/bin/pip install ".[demo]" \
    && /venv/bin/pip uninstall --yes extension-debug-console
COPY extdebug /app/extdebug
COPY policies /app/policies
RUN PYTHONPATH=/app RUNNER_CACHE_DIR=/tmp/guest /venv/bin/python -m extdebug.runner build-guest \
    && mv /tmp/guest/guests/invoice_sync-*.wasm /guest.wasm

FROM runner AS runner-demo
COPY --from=guest /guest.wasm /app/guest.wasm
HEALTHCHECK NONE
CMD ["demo", "--component", "/app/guest.wasm", "--extension", "invoice-sync", \
     "--tenant-install", "acme:inst-acme", "--tenant-install", "globex:inst-globex"]

# --- the console --------------------------------------------------------------------------------
FROM base AS console
COPY --from=packages /venv /venv
COPY manage.py ./
COPY config config
COPY audit audit
COPY policies policies
COPY extdebug extdebug
COPY templates templates
# Hashed and compressed once, here. The settings of this step are not the ones that will run.
RUN EXT_DEBUG_ENVIRONMENT=development DATABASE_URL=sqlite:///:memory: STATIC_HASHED=true \
    python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q audit config extdebug policies
# Unset EXT_DEBUG_ENVIRONMENT means production; it is said here so that nobody has to know.
ENV EXT_DEBUG_ENVIRONMENT=production STATIC_HASHED=true
USER 10001
EXPOSE 8000
# By the loopback, which ALLOWED_HOSTS always contains, and over plain HTTP, which it may be.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
