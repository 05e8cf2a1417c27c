# A Parley node. The mesh's folder is /data: keep it on a volume, it holds the node's key and its votes.
#   docker build -t parley .   ·   three nodes with NATS: docker compose up
FROM node:24-bookworm-slim

ENV NODE_ENV=production
WORKDIR /opt/parley
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force
COPY . .

RUN groupadd --system --gid 10001 parley \
  && useradd --system --uid 10001 --gid parley --home-dir /data --shell /usr/sbin/nologin parley \
  && install -d -o parley -g parley -m 0700 /data /tickets

USER parley
ENV PARLEY_FOLDER=/data
VOLUME ["/data"]
# Members; Prometheus, where PARLEY_METRICS is set.
EXPOSE 4101 9464

# Answers only once the node is up and its actors are alive.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
  CMD ["node", "/opt/parley/bin/parley.mjs", "status", "--folder", "/data", "-o", "json"]

ENTRYPOINT ["/opt/parley/deploy/docker/node.sh"]
