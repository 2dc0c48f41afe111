# Everything that Airflow's processes need; docker-compose.yaml runs one container of it per process.
FROM python:3.11-slim
WORKDIR /opt/headline

# The packages first: they change more rarely than the code.
COPY pyproject.toml requirements.lock ./
COPY plugins/headline/__init__.py plugins/headline/__init__.py
RUN pip install --no-cache-dir --only-binary :all: --require-hashes --requirement requirements.lock \
 && pip install --no-cache-dir --no-index --no-deps --no-build-isolation --editable .

COPY plugins plugins
COPY include include
COPY dags dags
COPY docs/alerts docs/alerts

ENV HEADLINE_HOME=/var/lib/headline
RUN useradd --system --create-home headline \
 && for folder in . airflow datashare landing logs; do install --directory --owner headline --mode 0700 "$HEADLINE_HOME/$folder"; done
USER headline
VOLUME /var/lib/headline
