# The image of a validator. Base images are build arguments, so that a mirror or a stand-in can take their place: docs/deploy.md.
ARG NODE_IMAGE=node:26-bookworm
ARG RUST_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# The addon. It needs a C compiler and a linker beside Rust, and the same C library as the runtime image or an older one.
FROM ${RUST_IMAGE} AS native
WORKDIR /build/native
COPY native ./
RUN cargo build --release --locked

# Packages without those of development, the sources as plain JavaScript, and the folders that volumes take their owner from.
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
 && cp "$(find /usr/lib /lib -name 'libatomic.so.1' | head -n 1)" /runtime/lib/ \
 && mkdir -p /volumes/network /volumes/accounts /volumes/keys /volumes/data /volumes/guard \
 && for number in 1 2 3; do mkdir -p /volumes/setup/$number/keys /volumes/setup/$number/data /volumes/setup/$number/guard; done
COPY config/deploy/setup.js ./
RUN chmod a+r setup.js package.json

FROM ${RUNTIME_IMAGE}
COPY --from=sources --chown=65532:65532 /volumes /
WORKDIR /app
COPY --from=sources /runtime /app
COPY --from=sources /build/package.json /build/setup.js /app/
COPY --from=sources /build/node_modules /app/node_modules
COPY --from=native /build/native/target/release/libav10_binding.so /app/native/av10.node
COPY --from=sources /build/dist /app/dist
# Keys and guard lie one level below their volumes, because both are put in place by renaming a folder.
ENV NODE_ENV=production \
    LD_LIBRARY_PATH=/app/lib \
    AV10_GENESIS_FILE=/network/genesis.json \
    AV10_KEYS_DIR=/keys/validator \
    AV10_DATA_DIR=/data/ledger \
    AV10_GUARD_DIR=/guard/sign-guard \
    AV10_PASSPHRASE_FILE=/run/secrets/passphrase
USER 65532:65532
EXPOSE 30303/tcp 30303/udp 8080 9090 3000
STOPSIGNAL SIGTERM
# The process, not the network: a validator that waits for others answers here and not at /health.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["/app/node", "-e", "fetch('http://127.0.0.1:8080/live').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/node", "/app/dist/main.js"]
CMD ["start"]
