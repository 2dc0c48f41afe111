# `headline` has everything that Airflow's processes need; docker-compose.yaml runs one container of it per process.
# `doubles` stands in for AWS and for a mail server, where the demo company runs.
FROM python:3.11-slim AS doubles
COPY requirements-doubles.lock ./
RUN pip install --no-cache-dir --only-binary :all: --require-hashes --requirement requirements-doubles.lock
RUN useradd --system doubles && install --directory --owner doubles --mode 0700 /var/lib/aws
COPY plugins/headline/demo/aws.py /opt/doubles/aws.py
ENV PYTHONUNBUFFERED=1
USER doubles

FROM python:3.11-slim AS headline
WORKDIR /opt/headline

# The packages first: they change more rarely than the code.
COPY pyproject.toml requirements.lock ./
COPY plugins/headline/__init__.py plugins/headline/__init__.py
RUN pip install --no-cache-dir --only-binary :all: --require-hashes --requirement requirements.lock \
 && pip install --no-cache-dir --no-index --no-deps --no-build-isolation --editable .

# Volumes take over owner and mode of these folders.
ENV HEADLINE_HOME=/var/lib/headline PYTHONUNBUFFERED=1
RUN useradd --system --create-home headline \
 && for folder in . airflow datashare landing logs; do install --directory --owner headline --mode 0700 "$HEADLINE_HOME/$folder"; done \
 && for service in postgres set-up api-server scheduler dag-processor triggerer demo; do \
      install --directory --owner headline --mode 0700 "/var/lib/secrets/$service"; done

# Code, specs, and of git what says which commit this is; .dockerignore leaves out the rest. Where there is no .git: --build-arg COMMIT=…
COPY . .
RUN python -m compileall -q plugins
ARG COMMIT=""
ENV HEADLINE_COMMIT=$COMMIT
LABEL org.opencontainers.image.title=headline org.opencontainers.image.revision=$COMMIT
USER headline
VOLUME /var/lib/headline
HEALTHCHECK --interval=15s --timeout=10s --start-period=600s CMD ["python", "-m", "headline.local.container", "healthy"]
ENTRYPOINT ["python", "-m", "headline.local.container"]
