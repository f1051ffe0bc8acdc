"""The composition root: the only module that knows every part."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
import uvloop
from starlette.types import ASGIApp

from clary import services
from clary.buckets import Buckets
from clary.context import Context, Door
from clary.data_folder import DataFolder
from clary.engines.local import LocalEngine
from clary.gateway import certificates, connections, models, trust
from clary.gateway.app import Gateway
from clary.gateway.health import OK, Health
from clary.gateway.pages import Pages
from clary.gateway.tunnel import Tunnel
from clary.images.environments import Environments
from clary.jobs.automl import AutoMLJobs
from clary.jobs.credentials import TaskCredentials
from clary.jobs.endpoints import Endpoints
from clary.jobs.images import Images
from clary.jobs.lifecycle import Lifecycle
from clary.jobs.loop import Loop
from clary.jobs.retention import Retention
from clary.jobs.training import TrainingJobs
from clary.keys import Keys
from clary.objects.files import FileObjects
from clary.services.iam import roles
from clary.settings import Settings
from clary.store.associations import Associations
from clary.store.audit_events import AuditEvents
from clary.store.database import Database
from clary.store.log_events import LogEvents
from clary.store.metric_points import MetricPoints
from clary.store.records import SqlStore
from clary.store.search import Search

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Studio:
    """All parts, built and not yet running."""

    gateway: Gateway
    loop: Loop
    retention: Retention
    engine: LocalEngine
    tunnel: Tunnel
    database: Database
    context: Context
    keys: Keys
    folder: DataFolder

    def start(self) -> None:
        """Begin the work that no request asks for."""
        self.loop.start()
        self.retention.start()
        self.context.buckets.start()
        self.context.audit.start()

    def close(self) -> None:
        self.loop.stop()
        self.retention.stop()
        self.engine.close()
        self.context.buckets.close()
        self.context.audit.close()
        self.database.close()


def build(settings: Settings, folder: DataFolder, port: int, tunnel_port: int) -> Studio:
    """Put the parts together for a server that listens on ``port``, its tunnel on ``tunnel_port``."""
    database = Database(folder.path / "clary.db")
    store, objects = SqlStore(database), FileObjects(folder.path / "objects")
    keys = Keys(store)
    context = Context(
        settings=settings,
        store=store,
        buckets=Buckets(database, objects),
        logs=LogEvents(database),
        metrics=MetricPoints(database),
        associations=Associations(database),
        audit=AuditEvents(database, days=settings.audit_days, rows=settings.audit_rows),
        search=Search(database),
        door=Door(),
        model=models.service,
        url=f"http://127.0.0.1:{port}",
    )
    keys.owner(folder.path)
    roles.ensure_first_role(context)
    authority = certificates.authority(folder.path)
    engine = LocalEngine(folder.path / "tasks", sandbox=settings.sandbox)
    credentials = TaskCredentials(store, keys, tunnel_port, trust.bundle(folder.path, None))
    images = Images(Environments(settings.cache))
    tasks = folder.path / "tasks"
    loop = Loop(
        store,
        engine,
        [
            TrainingJobs(context, engine, images, credentials, tasks),
            AutoMLJobs(context, tasks),
            Endpoints(context, engine, images, credentials, tasks),
            Lifecycle(store, context.buckets, context.now),
        ],
    )
    operations = services.discover()
    probes = {
        "database": lambda: database.problem() or OK,
        "jobs": lambda: loop.problem() or OK,
        "disk": lambda: folder.shortage() or OK,
    }
    gateway = Gateway(context, keys, operations, Pages(credentials.answer, Health(probes, operations)))
    context.door.open = gateway.call
    return Studio(gateway, loop, Retention(context), engine, Tunnel(port, authority), database, context, keys, folder)


class _Server(uvicorn.Server):
    """Tells when it serves, and ends by a signal in order: uvicorn's own raises it again before the parts are closed."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:  # it ticks ten times a second
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, connections.Connection):
                    connection.check(now)
        return await super().on_tick(counter)


Front = Callable[[Studio, Callable[[DataFolder], Studio]], ASGIApp]
"""What stands before a studio: given it, and how to build another one behind the same address."""


def serve(
    settings: Settings,
    folder: DataFolder,
    ready: Callable[[str], None],
    front: Front = lambda studio, _: studio.gateway,
) -> None:
    """Run until a signal says stop; ``ready`` is called with the address once requests are answered."""
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(folder.listen("api", settings.host, settings.port))
        proxy = stack.enter_context(folder.listen("tunnel", "127.0.0.1", 0))
        port, tunnel_port = api.getsockname()[1], proxy.getsockname()[1]
        studio = build(settings, folder, port, tunnel_port)
        stack.callback(studio.close)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            app = front(studio, lambda other: build(settings, other, port, tunnel_port))
            runner.run(_run(studio, app, folder, api, proxy, ready))


async def _run(
    studio: Studio,
    app: ASGIApp,
    folder: DataFolder,
    api: socket.socket,
    proxy: socket.socket,
    ready: Callable[[str], None],
) -> None:
    url = studio.context.url

    def started() -> None:
        studio.start()
        threading.Thread(target=models.warm, name="models", daemon=True).start()
        folder.announce(url, proxy.getsockname()[1])
        ready(url)

    settings = studio.context.settings
    limits = connections.Limits(
        settings.head_seconds, settings.body_seconds, connections.raise_file_limit(settings.connections)
    )
    config = uvicorn.Config(
        app,
        http=connections.limited(limits),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,  # nobody stands before it: who asks is who connected
        server_header=False,
        date_header=False,
        timeout_keep_alive=connections.KEEP_ALIVE,
        timeout_graceful_shutdown=5,
    )
    server = _Server(config, started)
    await studio.tunnel.start(proxy)
    try:
        await server.serve(sockets=[api])
    finally:
        folder.retract()
        await studio.tunnel.close()
