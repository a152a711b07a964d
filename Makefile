# What a release needs beside `go build` and `go test ./...`.
VERSION ?= 0.0.0
NFPM = go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

.PHONY: build deb ci security

# The binary as it is released: no cgo, no paths of the building machine.
build:
	mkdir -p dist
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w -X qualifybase/cmd.version=$(VERSION)' -o dist/qb .

# dist/qb_VERSION_ARCH.deb: binary, hardened unit, sample configuration, alert rules.
deb: build
	dist/qb service install --dir - --program /usr/bin/qb > dist/qb.service
	dist/qb service alerts > dist/qb-alerts.yml
	VERSION=$(VERSION) ARCH=$$(go env GOARCH) $(NFPM) package --config cmd/assets/nfpm.yaml --packager deb --target dist/

ci:
	bash .ci/run

# What scanners say of the code and its modules; "#nosec" gives the reason where one errs.
# Not asked: G104 (writes into a buffer fail at its flush), G115 (dates, ids and sizes
# lie far inside their types, fuzzed), G304 (whoever runs the shell names its files).
security:
	go run github.com/securego/gosec/v2/cmd/gosec@v2.30.0 -quiet -exclude=G104,G115,G304 -exclude-dir=store/storetest ./...
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...
