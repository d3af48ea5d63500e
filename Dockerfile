# syntax=docker/dockerfile:1
# docker buildx build --platform linux/amd64,linux/arm64 -t sigyn .
FROM rust:1.95-bookworm AS build
WORKDIR /src
ARG TARGETARCH
COPY . .
# jemalloc takes the page size of the machine it is built on; kernels of arm64 machines have pages of up to 64 KiB.
RUN --mount=type=cache,id=cargo-${TARGETARCH},target=/usr/local/cargo/registry \
    --mount=type=cache,id=target-${TARGETARCH},target=/src/target \
    if [ "$TARGETARCH" = arm64 ]; then export JEMALLOC_SYS_WITH_LG_PAGE=16; fi; \
    cargo build --release --locked --bin sigyn \
    && install -D target/release/sigyn /out/usr/bin/sigyn \
    && install -d -o 65532 -g 65532 /out/var/lib/sigyn

# The C library, certificates and time zones; no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="sigyn" \
      org.opencontainers.image.description="A log database that speaks Loki's API and keeps everything in object storage" \
      org.opencontainers.image.source="https://github.com/sigyn-db/sigyn" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build --chown=65532:65532 /out/ /
USER 65532:65532
# A relative bucket of the default settings becomes /var/lib/sigyn/sigyn-data. The root file system may be read-only.
WORKDIR /var/lib/sigyn
VOLUME /var/lib/sigyn
EXPOSE 3100
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/bin/sigyn", "-health"]
ENTRYPOINT ["/usr/bin/sigyn"]
CMD ["-server.http-listen-address=0.0.0.0"]
