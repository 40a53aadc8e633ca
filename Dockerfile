FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/packages.txt scripts/install_packages.sh scripts/
RUN scripts/install_packages.sh build && apt-get clean
COPY . .
RUN cmake --preset release -DAE_BUILD_TESTS=OFF \
 && cmake --build --preset release --target anomaly_exporter anomalytool

FROM debian:12-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates curl libcivetweb1 libcurl4 libdate-tz3 \
      libdeflate0 libprometheus-cpp-core1.0 libre2-9 libsnappy1v5 libspdlog1.10 libyaml-cpp0.7 \
      tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10097 --home-dir /var/lib/anomaly_exporter --create-home anomaly_exporter
COPY --from=build /src/build/release/anomaly_exporter /src/build/release/anomalytool /usr/local/bin/
COPY config/compose.yml /etc/anomaly_exporter/anomaly_exporter.yml
COPY rules /usr/local/share/anomaly_exporter/rules
USER 10097:10097
VOLUME /var/lib/anomaly_exporter
EXPOSE 10097
HEALTHCHECK --interval=10s --timeout=3s CMD curl -fsS -o /dev/null http://localhost:10097/-/healthy
ENTRYPOINT ["/usr/local/bin/anomaly_exporter"]
CMD ["--config.file=/etc/anomaly_exporter/anomaly_exporter.yml", \
     "--web.listen-address=0.0.0.0:10097", "--storage.path=/var/lib/anomaly_exporter"]
