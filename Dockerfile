# syntax=docker/dockerfile:1
# The image of a validator. Base images are build arguments, so that a mirror or a stand-in can take their place.
ARG NODE_IMAGE=node:26-bookworm
ARG RUST_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# The addon. It needs a C compiler and a linker beside Rust, and the same C library as the runtime image or an older one.
FROM ${RUST_IMAGE} AS native
WORKDIR /build
COPY native ./native
RUN cargo build --release --locked --manifest-path native/Cargo.toml \
 && cp native/target/release/libav10_binding.so native/av10.node

# Packages without those of development, and the sources as plain JavaScript.
FROM ${NODE_IMAGE} AS sources
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY bin ./bin
RUN npm ci --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN node_modules/.bin/tsc -p tsconfig.build.json \
 && npm prune --omit=dev --loglevel=error --ignore-scripts \
 && mkdir -p /runtime/lib \
 && cp "$(node -p "require.resolve('node-linux-' + process.arch + '/bin/node')")" /runtime/node \
 && rm -rf node_modules/node-linux-* node_modules/node-bin-* \
 && cp "$(find /usr/lib /lib -name 'libatomic.so.1' | head -n 1)" /runtime/lib/

FROM ${RUNTIME_IMAGE}
WORKDIR /app
ENV NODE_ENV=production LD_LIBRARY_PATH=/app/lib
COPY --from=sources /runtime/node /app/node
COPY --from=sources /runtime/lib /app/lib
COPY --from=sources /build/package.json /app/package.json
COPY --from=sources /build/node_modules /app/node_modules
COPY --from=sources /build/dist /app/dist
COPY --from=native /build/native/av10.node /app/native/av10.node
EXPOSE 30303/tcp 30303/udp 8080 9090 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["/app/node", "-e", "fetch('http://127.0.0.1:8080/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/node", "/app/dist/main.js"]
CMD ["start"]
