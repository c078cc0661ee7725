"""The server on more than one machine: the same application as a deployment of Ray Serve.

    serve run qwen_tts.server.ray_serve:build model=Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice max_replicas=4

Each replica is a process with its own models and its own batching. Ray's proxy sends a request to a replica that has room; with
the header `serve_multiplexed_model_id` (a model's name, or a voice's) to one that has it at hand.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict
from ray import serve  # pyright: ignore[reportMissingImports]
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .app import application
from .logs import start as start_log
from .run import open_session
from .session import Session
from .settings import Settings, positive, read_keys


class Options(BaseModel):
    """Arguments of `build`: of the server as of `qwen-tts serve`, and of Ray.

    Attributes:
        model: names, separated by commas.
        voices_dir: a folder that all machines share.
        min_replicas, max_replicas: processes; Ray starts and stops them by how many requests are being spoken.
        cpus, gpus: that each is given.
        target_streams: a replica's requests above which another is started.
    """

    model_config = ConfigDict(extra="forbid")

    model: str = "tiny"
    voices_dir: Path | None = None
    device: str = "auto"
    engine: str = "auto"
    api_keys_file: Path | None = None
    max_streams: int = 16
    max_waiting: int = 64
    max_memory_gb: float | None = None
    min_replicas: int = 1
    max_replicas: int = 1
    target_streams: float = 8.0
    cpus: float = 2.0
    gpus: float = 0.0
    grace_seconds: float = 60.0


class Here:
    """What this process has; set when its replica begins."""

    session: Session
    replica: "Speech"


def _application() -> ASGIApp:
    """Called by Ray in the replica's process, after `Speech.__init__`."""
    app, name = application(Here.session), serve.get_replica_context().replica_id.unique_id

    async def at_hand(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        if wanted := serve.get_multiplexed_model_id():
            await Here.replica.keep(wanted)

        async def signed(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message)["x-qwen-tts-replica"] = name
            await send(message)

        await app(scope, receive, signed)

    return at_hand


@serve.deployment(name="speech")
@serve.ingress(_application)
class Speech:
    """One replica."""

    def __init__(self, options: Options) -> None:
        keys = () if options.api_keys_file is None else tuple(read_keys(options.api_keys_file))
        limit = None if options.max_memory_gb is None else int(options.max_memory_gb * 1e9)
        settings = positive(
            Settings(
                keys, max_streams=options.max_streams, max_waiting=options.max_waiting, max_memory=limit,
                grace_seconds=options.grace_seconds,
            )
        )  # fmt: skip
        names = [name.strip() for name in options.model.split(",") if name.strip()]
        start_log()
        Here.session = open_session(names, settings, options.device, options.engine, options.voices_dir)
        Here.replica = self

    @serve.multiplexed(max_num_models_per_replica=32)
    async def keep(self, name: str) -> str:
        """Ray remembers which replica was asked for a name, and sends the next such request there."""
        found = Here.session.models.named(name)
        if found is not None:
            async with Here.session.models.use(found):
                pass
        return name

    def check_health(self) -> None:
        """Raises when the replica should be replaced."""
        if Here.session.stopping:
            raise RuntimeError("the replica is stopping")

    async def __del__(self) -> None:
        Here.session.stopping = True
        await Here.session.idle()
        Here.session.close()


def build(options: Options) -> serve.Application:
    """The application, for `serve run` and `serve deploy`."""
    deployment = Speech.options(  # type: ignore[attr-defined]
        autoscaling_config={
            "min_replicas": options.min_replicas, "max_replicas": options.max_replicas,
            "target_ongoing_requests": options.target_streams,
        },
        max_ongoing_requests=options.max_streams + options.max_waiting,
        ray_actor_options={"num_cpus": options.cpus, "num_gpus": options.gpus},
        graceful_shutdown_timeout_s=options.grace_seconds,
    )  # fmt: skip
    return deployment.bind(options)
