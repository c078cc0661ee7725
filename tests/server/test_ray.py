"""Two replicas on one machine behind Ray's proxy: `make ray` installs Ray in an environment of its own and runs these."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client
from serving import SHORT, same

ray = pytest.importorskip("ray", reason="run by `make ray`, which installs it")

pytestmark = pytest.mark.slow
BODY: dict[str, Any] = {"model": "tts-1", "input": "the house", "voice": "ryan", "response_format": "pcm", **SHORT}
LONG = BODY | {"input": "the house " * 60, "max_new_tokens": 600, "reading": False, "extra_params": {"stop_loops": False}}


@pytest.fixture(scope="module")
def url(model_dir: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from ray import serve

    from qwen_tts.server.ray_serve import Options, build

    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    models = f"{model_dir('custom_voice')},{model_dir('base')}"
    voices = tmp_path_factory.mktemp("voices")
    serve.run(build(Options(model=models, voices_dir=voices, engine="eager", min_replicas=2, max_replicas=2, cpus=1)))
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()
    ray.shutdown()


def speak(url: str, body: dict[str, Any] = BODY, **headers: str) -> httpx.Response:
    return httpx.post(f"{url}/v1/audio/speech", json=body, headers=headers, timeout=120)


def test_both_speak_and_say_the_same(url: str) -> None:
    alone = speak(url)
    assert alone.status_code == 200, alone.text
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: speak(url), range(24)))
    assert all(same(reply.content, alone.content) for reply in replies)
    assert len({reply.headers["x-qwen-tts-replica"] for reply in replies}) == 2


def test_a_web_socket_goes_through_the_proxy(url: str) -> None:
    config = {"type": "session.config", "voice": "ryan", "response_format": "pcm", "stream_audio": True} | SHORT
    heard = b""
    with websockets.sync.client.connect(f"ws{url[4:]}/v1/audio/speech/stream") as link:
        for message in (config, {"type": "input.text", "text": "The house."}, {"type": "input.done"}):
            link.send(json.dumps(message))
        while isinstance(found := link.recv(60), bytes) or json.loads(found)["type"] != "session.done":
            heard += found if isinstance(found, bytes) else b""
    assert len(heard) > 1000


def test_voices_are_everybodys(url: str, recording: bytes) -> None:
    files = {"audio_sample": ("a.wav", recording, "audio/wav")}
    made = httpx.post(f"{url}/v1/audio/voices", data={"name": "anna", "consent": "yes"}, files=files, timeout=60)
    assert made.status_code == 200, made.text
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: speak(url, BODY | {"voice": "anna"}), range(16)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.headers["x-qwen-tts-replica"] for reply in replies}) == 2


def test_who_names_what_is_at_hand_is_sent_there(url: str) -> None:
    replies = [speak(url, serve_multiplexed_model_id="anna") for _ in range(12)]
    counts = Counter(reply.headers["x-qwen-tts-replica"] for reply in replies)
    assert max(counts.values()) >= 11, counts


def test_a_replica_that_is_killed_takes_only_its_own_streams(url: str) -> None:
    whole = speak(url, LONG).content
    begun: set[str] = set()
    started, ends = threading.Semaphore(0), []

    def listen() -> None:
        with httpx.stream("POST", f"{url}/v1/audio/speech", json=LONG, timeout=120) as reply:
            name, heard = reply.headers["x-qwen-tts-replica"], b""
            try:
                for part in reply.iter_bytes():
                    if not heard:
                        begun.add(name)
                        started.release()
                    heard += part
            except httpx.TransportError:
                pass
            ends.append((name, same(heard, whole)))

    threads = [threading.Thread(target=listen) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(begun) < 2:
        assert started.acquire(timeout=60)
    victim = next(iter(begun))
    actors = [actor["name"] for actor in ray.util.list_named_actors(all_namespaces=True) if actor["name"].endswith(victim)]
    assert len(actors) == 1
    ray.kill(ray.get_actor(actors[0], namespace="serve"), no_restart=False)
    for thread in threads:
        thread.join(120)
    assert {complete for name, complete in ends if name != victim} == {True}
    assert False in {complete for name, complete in ends if name == victim}
    with ThreadPoolExecutor(4) as pool:
        assert {reply.status_code for reply in pool.map(lambda _: speak(url), range(8))} == {200}
