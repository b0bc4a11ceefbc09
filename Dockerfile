# dockgate as an image: docker build -t dockgate .
# BASE may be any image with Node 24.7 or newer and glibc or musl, such as a mirror of node:24-slim.
ARG BASE=node:24-slim

# Compiles the sources. TypeScript's compiler is an optional, platform-specific package: everything is installed here.
FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

# What the program needs to run. Nothing has to be compiled: bcrypt brings its binaries along. The pinned Node of
# package.json is optional and left out, since the base image has one.
FROM ${BASE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM ${BASE}
LABEL org.opencontainers.image.title="dockgate" \
      org.opencontainers.image.description="A gateway in front of container registries" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=dependencies /build/node_modules /opt/dockgate/node_modules
COPY --from=build /build/dist /opt/dockgate/dist
COPY package.json LICENSE /opt/dockgate/

# Relative paths of the configuration start here, so a container and a clone read the same file.
WORKDIR /dockgate
RUN mkdir data certs config && chown -R node:node /dockgate
USER node
VOLUME ["/dockgate/data", "/dockgate/certs", "/dockgate/config"]

# 5443 speaks HTTPS. The admin address, 127.0.0.1:9090, stays inside the container unless the configuration says otherwise.
EXPOSE 5443
# The slim image has no curl. ADMIN is where the configuration puts the admin address.
ENV ADMIN=http://127.0.0.1:9090
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.ADMIN + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["node", "/opt/dockgate/dist/cli/main.js"]
CMD ["serve"]
