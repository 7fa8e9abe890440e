# The toolkit with the CPU build of torch.
#
#   docker build -t drl --build-arg TORCH_INDEX=<an index of CPU builds of torch> .
#   docker run --rm -v "$PWD/runs:/work/runs" drl train dqn
#
# TORCH_INDEX is not needed where pip finds the CPU build by itself (on ARM it does).  A build for
# GPUs, gigabytes larger, is refused.
FROM python:3.11-slim

ARG TORCH_INDEX=""
ARG EXTRAS="plot,video,fast,minatar"

WORKDIR /opt/drl-toolkit
COPY constraints.txt ./
RUN pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
        torch==2.13.0 -c constraints.txt \
 && python -c "import sys, torch; sys.exit(torch.version.cuda and 'this torch is a build for GPUs: give --build-arg TORCH_INDEX=<an index of CPU builds>')"

COPY pyproject.toml README.md LICENSE ./
COPY drl drl
COPY agents agents
COPY envs envs
RUN pip install --no-cache-dir -c constraints.txt ".[$EXTRAS]"

RUN useradd --create-home learner && mkdir -p /work/runs && chown -R learner /work
USER learner
WORKDIR /work
ENTRYPOINT ["drl"]
CMD ["--help"]
