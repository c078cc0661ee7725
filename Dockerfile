# The server with the built-in voice, on a CPU, as a user without rights.
#
#   docker build -t qwen-tts .                 docker run -p 8091:8091 qwen-tts
#   --build-arg TORCH=…    what pip is given for PyTorch; its CPU build is several GB smaller (see the Makefile)
FROM python:3.12-slim AS build
ARG TORCH=torch==2.13.0
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv
RUN /venv/bin/pip install --no-cache-dir ${TORCH}
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY qwen_tts ./qwen_tts
RUN /venv/bin/pip install --no-cache-dir ".[server]"

FROM python:3.12-slim
# The native kernel is translated on the processor that it runs on, so the compiler stays.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home speaker && install --directory --owner speaker /voices /cache
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH QWEN_TTS_CACHE=/cache HF_HOME=/cache/huggingface PYTHONUNBUFFERED=1
USER speaker
VOLUME /voices /cache
EXPOSE 8091
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8091/ready', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["qwen-tts", "serve", "--host", "0.0.0.0", "--voices-dir", "/voices"]
