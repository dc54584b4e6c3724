# Canopy alone: one program, the authorities that vouch for other servers, and nothing else. Time zones are in the
# program. It keeps its data in /data and needs to write nowhere else.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /image/canopy ./cmd/canopy
RUN mkdir -p /image/etc/ssl/certs /empty && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/

FROM scratch
COPY --from=build /image/ /
COPY --from=build --chown=65532:65532 /empty/ /data/
ENV CANOPY_LISTEN=0.0.0.0:8080 CANOPY_DATA=/data
VOLUME /data
EXPOSE 8080
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/canopy", "health"]
ENTRYPOINT ["/canopy"]
CMD ["serve"]
