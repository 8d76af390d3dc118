# Two stages: compile with the packages of purpose `build` in scripts/packages, run with those of `run`.
# A test holds both lists equal to that file.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates \
      ccache \
      cmake \
      g++ \
      libboost1.81-dev \
      libcli11-dev \
      libexpected-dev \
      libfmt-dev \
      libgmock-dev \
      libgtest-dev \
      libpq-dev \
      librabbitmq-dev \
      librdkafka-dev \
      libspdlog-dev \
      libsqlite3-dev \
      libssl-dev \
      libtomlplusplus-dev \
      ninja-build \
      nlohmann-json3-dev \
      pkg-config \
      prometheus-cpp-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release -DPENSTOCK_TESTS=OFF && cmake --build --preset release --target penstock

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates \
      libfmt9 \
      libpq5 \
      libprometheus-cpp-core1.0 \
      librabbitmq4 \
      librdkafka1 \
      libspdlog1.10 \
      libsqlite3-0 \
      libssl3 \
      libtomlplusplus3 \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 65532 -g 65532 /var/lib/penstock
LABEL org.opencontainers.image.title="penstock" \
      org.opencontainers.image.description="Relays committed events, in order, to Kafka and RabbitMQ" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /src/build/release/penstock /usr/bin/penstock
# The root file system may be read-only: only the working folder is written, and only by an embedded store.
USER 65532:65532
WORKDIR /var/lib/penstock
# Metrics, where the configuration listens for scrapes.
EXPOSE 26543
ENTRYPOINT ["/usr/bin/penstock"]
CMD ["run", "-c", "/etc/penstock/penstock.toml"]
