"""The composition root: the only module that knows every part."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
import uvloop
from starlette.types import ASGIApp

from clary import __version__, root_key, services
from clary.buckets import Buckets
from clary.clock import Clock
from clary.console.links import LinksPage
from clary.console.site import Console
from clary.console.workers_page import WorkersPage
from clary.context import ACCOUNT, Context, Door
from clary.data_folder import DataFolder
from clary.encryption_keys import EncryptionKeys
from clary.engines.by_image import EngineByImage
from clary.engines.local import LocalEngine
from clary.gateway import certificates, connections, models, trust
from clary.gateway.app import Gateway
from clary.gateway.clock import ClockPage
from clary.gateway.health import OK, Health
from clary.gateway.listeners import Listener, Listeners, listen
from clary.gateway.pages import Pages
from clary.gateway.spot import SpotPage
from clary.gateway.tunnel import Tunnel
from clary.images.environments import Environments
from clary.jobs.automl import AutoMLJobs
from clary.jobs.checkpoints import Followers
from clary.jobs.containers import Containers
from clary.jobs.credentials import TaskCredentials
from clary.jobs.debug_rules import DebugRules
from clary.jobs.endpoints import Endpoints
from clary.jobs.images import Images
from clary.jobs.job_checkpoints import JobCheckpoints
from clary.jobs.labelling import LabellingJobs
from clary.jobs.lifecycle import Lifecycle
from clary.jobs.loop import Loop, Reconciler
from clary.jobs.offline_store import FeatureGroups
from clary.jobs.processing import ProcessingJobs
from clary.jobs.removal import Removal
from clary.jobs.retention import Retention
from clary.jobs.room import Room
from clary.jobs.training import TrainingJobs
from clary.jobs.transform import TransformJobs
from clary.jobs.warm_pools import WarmPools
from clary.keys import Keys
from clary.objects.files import FileObjects
from clary.rights.rights import Rights
from clary.seals import Seals
from clary.services.iam import roles
from clary.services.sagemaker import spot_interruptions
from clary.services.sagemaker_runtime import traffic
from clary.settings import Settings
from clary.store import clock_moves
from clary.store.associations import Associations
from clary.store.audit_events import AuditEvents
from clary.store.component_metrics import ComponentMetrics
from clary.store.database import Database
from clary.store.feature_records import FeatureRecords
from clary.store.labelling_objects import LabellingObjects
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
    followers: Followers
    retention: Retention
    engine: EngineByImage
    tunnel: Tunnel
    inner_tunnel: Tunnel  # of jobs that reach Clary alone
    database: Database
    context: Context
    keys: Keys
    folder: DataFolder
    console: Console
    links: LinksPage

    def start(self) -> None:
        """Begin the work that no request asks for."""
        self.loop.start()
        self.retention.start()
        self.context.buckets.start()
        self.context.audit.start()
        if problem := self.context.encryption_keys.problem():
            log.warning("%s", problem)

    def close(self) -> None:
        self.loop.stop()
        self.followers.close()
        self.retention.stop()
        self.engine.close()
        self.context.buckets.close()
        self.context.audit.close()
        traffic.flush()
        self.database.close()


def build(
    settings: Settings,
    folder: DataFolder,
    port: int,
    tunnel_port: int,
    doors: Mapping[int, Path] | None = None,
    url: str = "",
) -> Studio:
    """Put the parts together for a server that listens on ``port`` of loopback, its tunnel on ``tunnel_port``.

    ``doors``: Unix sockets that stand for these ports, where jobs are to reach nothing else. ``url``: where browsers reach
    it, if that is elsewhere.
    """
    database = Database(folder.path / "clary.db", Clock())
    context = _context(settings, folder, database, port)
    store, clock = context.store, context.clock
    keys = Keys(store, clock)
    keys.owner(folder.path)
    roles.ensure_first_role(context)
    authority = certificates.authority(folder.path)
    tasks = folder.path / "tasks"
    engine = EngineByImage(LocalEngine(tasks, sandbox=settings.sandbox), tasks, settings.containers)
    credentials = TaskCredentials(
        store, keys, context.rights, tunnel_port, trust.bundle(folder.path, None), doors or {}
    )
    followers = Followers()
    loop = _loop(context, engine, credentials, followers, tasks)
    operations = services.discover()
    probes = {
        "database": lambda: database.problem() or OK,
        "jobs": lambda: loop.problem() or OK,
        "disk": lambda: folder.shortage() or OK,
        "keys": lambda: context.encryption_keys.problem() or OK,
    }
    own = {
        "/_/clock": ClockPage(context, keys).answer,
        "/_/spot": SpotPage(context, keys, spot_interruptions.interrupt).answer,
    }
    console = Console(context, keys, _host(url), lambda: [f"{context.region} · Clary {__version__}"])
    links = LinksPage(context, keys, console.sessions, url or context.url)
    own["/_/links"] = links.answer
    own["/_/workers"] = WorkersPage(context, keys, console.sessions, links.address).answer
    gateway = Gateway(
        context, keys, operations, Pages(credentials.answer, Health(probes, operations, clock), own, console)
    )
    context.door.open, console.act = gateway.call, gateway.act
    tunnels = Tunnel(port, authority), Tunnel(port, authority, only_aws=True)
    retention = Retention(context, Removal(store, context.logs, engine, folder.path / "tasks"))
    return Studio(
        gateway, loop, followers, retention, engine, *tunnels, database, context, keys, folder, console, links
    )


def _context(settings: Settings, folder: DataFolder, database: Database, port: int) -> Context:
    """All that holds state, with the clock as it was left."""
    clock, store, objects = database.clock, SqlStore(database), FileObjects(folder.path / "objects")
    clock_moves.load(store, clock)
    encryption_keys = EncryptionKeys(store, root_key.file(settings.kms_key_file, folder.path), ACCOUNT, clock.now)
    return Context(
        settings=settings,
        store=store,
        buckets=Buckets(database, objects, Seals(encryption_keys)),
        logs=LogEvents(database),
        metrics=MetricPoints(database),
        associations=Associations(database),
        component_metrics=ComponentMetrics(database),
        features=FeatureRecords(database),
        labelling=LabellingObjects(database),
        audit=AuditEvents(database, days=settings.audit_days, rows=settings.audit_rows),
        search=Search(database),
        door=Door(),
        model=models.service,
        rights=Rights(store, clock.now),
        encryption_keys=encryption_keys,
        clock=clock,
        url=f"http://127.0.0.1:{port}",
    )


def _host(url: str) -> frozenset[str]:
    """The name that an address asks for."""
    name = urlsplit(url).hostname
    return frozenset({name} if name else ())


def _loop(
    context: Context, engine: EngineByImage, credentials: TaskCredentials, followers: Followers, tasks: Path
) -> Loop:
    """All kinds of work."""
    images = Images(Environments(context.settings.cache), engine.containers)
    with_room = (TrainingJobs, ProcessingJobs, TransformJobs)
    room = Room(context.store, context.settings.jobs, {each.kind: each.terminal for each in with_room})
    containers = Containers(engine, images, credentials)
    rules = DebugRules(context)
    checkpoints, pools = JobCheckpoints(context, engine, followers), WarmPools(context, engine, tasks)
    reconcilers: list[Reconciler] = [
        TrainingJobs(context, engine, images, credentials, tasks, room, checkpoints, pools),
        ProcessingJobs(context, engine, images, credentials, tasks, room),
        pools,
        AutoMLJobs(context, tasks),
        Endpoints(context, engine, containers, tasks),
        TransformJobs(context, engine, images, containers, tasks, room),
        Lifecycle(context.store, context.buckets, context.now),
        FeatureGroups(context),
        rules,
        LabellingJobs(context),
    ]
    loop = Loop(context.store, engine, reconcilers)
    room.subscribe(loop.wake)
    rules.subscribe(loop.wake)
    context.features.subscribe(loop.wake)
    context.labelling.tasks.subscribe(loop.wake)
    context.clock.subscribe(loop.wake_all)
    return loop


class _Server(uvicorn.Server):
    """Tells when it serves, and ends by a signal in order: uvicorn's own raises it again before the parts are closed.

    ``more``: further listening sockets, each with the TLS that it speaks. ``ending`` lets go of what would not end by itself.
    """

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], more: Sequence[Listener], ending: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready, self._more, self._ending = ready, more, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        for listener, secure in self._more if self.started else ():
            create = loop.create_unix_server if listener.family == socket.AF_UNIX else loop.create_server
            self.servers.append(await create(self._connection, sock=listener, ssl=secure))
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        """What uvicorn itself makes of a connection."""
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return made

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


Ready = Callable[[str, Callable[[], str]], None]
"""Told the address once requests are answered, and what makes one that signs the owner in."""

Front = Callable[[Studio, Callable[[DataFolder], Studio]], ASGIApp]
"""What stands before a studio: given it, and how to build another one behind the same address."""


def serve(
    settings: Settings,
    folder: DataFolder,
    ready: Ready,
    front: Front = lambda studio, _: studio.gateway,
) -> None:
    """Run until a signal says stop; ``ready`` is called once requests are answered."""
    with contextlib.ExitStack() as stack:
        listeners = listen(settings, folder, stack)
        studio = build(settings, folder, *listeners.ports, listeners.doors, listeners.url)
        stack.callback(studio.close)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            app = front(studio, lambda other: build(settings, other, *listeners.ports, listeners.doors, listeners.url))
            runner.run(_run(studio, app, folder, listeners, ready))


async def _run(studio: Studio, app: ASGIApp, folder: DataFolder, listeners: Listeners, ready: Ready) -> None:
    def started() -> None:
        studio.start()
        threading.Thread(target=models.warm, name="models", daemon=True).start()
        settings = studio.context.settings
        names = ("sandbox", "job_network", "kms_key_file")
        in_force = {name: str(getattr(settings, name)) for name in names}
        folder.announce(listeners.url, listeners.ports[1], studio.context.url, in_force)
        ready(listeners.url, lambda: studio.links.of_owner(studio.keys.owner(folder.path)))

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
    server = _Server(config, started, listeners.more, studio.console.close)
    await studio.tunnel.start(listeners.tunnel)
    if listeners.inner_tunnel is not None:
        await studio.inner_tunnel.start(listeners.inner_tunnel)
    try:
        await server.serve(sockets=[listeners.api])
    finally:
        folder.retract()
        await studio.tunnel.close()
        await studio.inner_tunnel.close()
